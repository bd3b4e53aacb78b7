/* Coroutines: functions that stop in the middle and go on later, on stacks of their own.
 *
 * A scheduler runs the threads of a protocol as coroutines of one thread, and decides at each step
 * which of them goes on. A switch is some twenty instructions, where one between threads takes
 * microseconds. x86-64, System V ABI. */
#ifndef COROUTINES_H
#define COROUTINES_H

#include <stdbool.h>

typedef struct coroutine coroutine;

/* A coroutine that will call `body` with `context`, or null without memory. */
coroutine *coroutine_create(void (*body)(void *), void *context);

/* Goes on with it until it yields or ends; the caller is not a coroutine itself. */
void coroutine_resume(coroutine *routine);

/* Goes back to the thread that resumed the coroutine which calls this. */
void coroutine_yield(void);

/* Whether its body has returned. */
bool coroutine_has_ended(const coroutine *routine);

/* Gives its stack back. What a body that has not ended holds is never released. */
void coroutine_destroy(coroutine *routine);

/* A word for each thread, for who needs to find the scheduler. */
void *coroutine_get_owner(void);
void coroutine_set_owner(void *owner);

#endif
