// Whichever undici is loaded first gives the global `fetch` its connections. Reading one of Node's lazy globals loads the
// one that Node brings, so that importing this package changes nothing of the application's own `fetch`.
Reflect.get(globalThis, 'Response')
