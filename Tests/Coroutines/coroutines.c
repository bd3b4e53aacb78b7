#include "coroutines.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { stack_size = 256 * 1024, guard_size = 4096 };

struct coroutine {
  void *stack_pointer;
  char *stack;
  void (*body)(void *);
  void *context;
  bool has_ended;
};

static __thread coroutine *running;
static __thread void *resumer;
static __thread void *owner;

/* Saves what a call must keep, stores the stack pointer at `*from`, and goes on at `to`. */
void coroutine_switch(void **from, void *to);
__asm__(
    ".text\n"
    ".type coroutine_switch,@function\n"
    "coroutine_switch:\n"
    "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
    "  movq %rsp, (%rdi)\n"
    "  movq %rsi, %rsp\n"
    "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
    "  ret\n"
    ".size coroutine_switch,.-coroutine_switch\n");

static void begin(void) {
  running->body(running->context);
  running->has_ended = true;
  coroutine_yield();
  abort();
}

coroutine *coroutine_create(void (*body)(void *), void *context) {
  coroutine *routine = calloc(1, sizeof *routine);
  if (!routine) return 0;
  routine->stack = mmap(0, stack_size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (routine->stack == MAP_FAILED || mprotect(routine->stack, guard_size, PROT_NONE) < 0) {
    free(routine);
    return 0;
  }
  routine->body = body;
  routine->context = context;
  /* Six registers, the address that `ret` goes to, and one word: `begin` starts as if called. */
  uint64_t *top = (uint64_t *)(routine->stack + stack_size) - 8;
  top[6] = (uint64_t)begin;
  routine->stack_pointer = top;
  return routine;
}

void coroutine_resume(coroutine *routine) {
  if (routine->has_ended) return;
  running = routine;
  coroutine_switch(&resumer, routine->stack_pointer);
  running = 0;
}

void coroutine_yield(void) {
  coroutine_switch(&running->stack_pointer, resumer);
}

bool coroutine_has_ended(const coroutine *routine) { return routine->has_ended; }

void coroutine_destroy(coroutine *routine) {
  munmap(routine->stack, stack_size);
  free(routine);
}

void *coroutine_get_owner(void) { return owner; }

void coroutine_set_owner(void *new_owner) { owner = new_owner; }
