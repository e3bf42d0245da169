/** What can be asked for: one route each, in the words of this page. */
export const kinds = {
  report: {
    title: 'Write my report',
    about: 'Reads your work calendar, and asks for it first.',
    running: 'Your report is being written',
    done: 'Your report',
    ready: 'Your report is ready',
    failed: 'No report this time'
  },
  'focus-time': {
    title: 'Book focus time',
    about: 'Reads, then adds an event: one thing more to allow.',
    running: 'Looking for focus time',
    done: 'Your focus time',
    ready: 'Your focus time is settled',
    failed: 'No focus time this time'
  },
  'whole-week': {
    title: 'See my whole week',
    about: 'Work and private: two accounts of yours, side by side.',
    running: 'Your week is being put together',
    done: 'Your whole week',
    ready: 'Your week is ready',
    failed: 'No week this time'
  },
  watch: {
    title: 'Watch my calendar',
    about: 'Takes forty seconds. Disconnect meanwhile, and it ends.',
    running: 'Your calendar is being watched',
    done: 'Nothing escaped us',
    ready: 'The watch is over',
    failed: 'The watch ended early'
  },
  forecast: {
    title: 'Check the weather',
    about: 'Wants a key that you copy and paste.',
    running: 'Looking at the sky',
    done: 'Your weather',
    ready: 'Your weather is ready',
    failed: 'No weather this time'
  },
  walk: {
    title: 'Plan a walk',
    about: 'Needs calendar and weather, and asks for both at once.',
    running: 'A walk is being planned',
    done: 'Your walk',
    ready: 'Your walk is planned',
    failed: 'No walk this time'
  }
}

/** A run that another tab began, before it says what it is. */
const someRun = { running: 'A run of yours', done: 'A run of yours', ready: 'It is ready', failed: 'It did not work out this time' }

export const kindOf = (name) => kinds[name] ?? someRun
