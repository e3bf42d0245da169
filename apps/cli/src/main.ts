#!/usr/bin/env node
import { runCli } from './cli.ts'
import { interruptible } from './interrupt.ts'

const interrupt = interruptible(process)
const code = await runCli(process.argv.slice(2), { env: process.env, stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, signal: interrupt.signal, onInterrupt: interrupt.byKey })
process.exitCode = interrupt.exitCode ?? code
// What was opened for the person may still be read from.
process.stdin.destroy()
