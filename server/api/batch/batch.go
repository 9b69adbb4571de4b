// Package batch has a program's threads finish their turns: the server calls it, and the bank host and the load generators, which
// share a machine with it in tests.
package batch

// Process asks the operating system not to interrupt a thread of this process for another that has just been woken; later threads
// inherit it. Each turn then does more (a commit takes more writes, a read finds more bytes) and the processor changes its task less
// often; programs of which somebody waits for the next picture should not ask for it. An error says that the system, or the sandbox
// round the program, does not let it: the program works as before. Only Linux has it (sched(7), SCHED_BATCH); elsewhere nothing
// happens.
func Process() error { return process() }
