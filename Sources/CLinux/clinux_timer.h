/* The time limit of a run: a POSIX timer that sends a signal to the thread that called KVM_RUN.
 * timer_create(2) with SIGEV_THREAD_ID; the signal's only effect is that KVM_RUN ends with EINTR. */
#ifndef CLINUX_TIMER_H
#define CLINUX_TIMER_H

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clinux_result.h"

typedef int clinux_timer; /* the kernel's timer id */

/* The processor time of the calling thread in nanoseconds; time in a guest counts. */
static inline int64_t clinux_thread_time(void) {
  struct timespec time;
  int64_t result = clinux_result(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time));
  return result < 0 ? result : (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void clinux_ignore_kick(int signal_number) { (void)signal_number; }

/* A real-time signal that neither the C library nor a usual runtime uses. */
static inline int clinux_kick_signal(void) { return SIGRTMIN + 7; }

/* Kicks a thread of this process that has made a timer. tgkill(2) */
static inline int64_t clinux_kick_thread(uint32_t thread) {
  return clinux_result(syscall(SYS_tgkill, getpid(), (pid_t)thread, clinux_kick_signal()));
}

/* Creates a timer that kicks the calling thread, not yet armed. Threads of libdispatch block all
 * signals, so this one is unblocked. */
static inline int64_t clinux_timer_create(clinux_timer *timer) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = clinux_ignore_kick;
  if (sigaction(clinux_kick_signal(), &action, NULL) < 0) return -(int64_t)errno;
  sigset_t kicks;
  sigemptyset(&kicks);
  sigaddset(&kicks, clinux_kick_signal());
  int blocked = pthread_sigmask(SIG_UNBLOCK, &kicks, NULL);
  if (blocked != 0) return -(int64_t)blocked;
  struct sigevent event;
  memset(&event, 0, sizeof event);
  event.sigev_notify = 4; /* SIGEV_THREAD_ID */
  event.sigev_signo = clinux_kick_signal();
  event._sigev_un._tid = (int)syscall(SYS_gettid);
  return clinux_result(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, timer));
}

/* Arms the timer: first after `first` nanoseconds, then every `interval`; 0 disarms it. */
static inline int64_t clinux_timer_set(clinux_timer timer, uint64_t first, uint64_t interval) {
  struct itimerspec specification = {
      .it_value = {.tv_sec = (time_t)(first / 1000000000), .tv_nsec = (long)(first % 1000000000)},
      .it_interval = {.tv_sec = (time_t)(interval / 1000000000),
                      .tv_nsec = (long)(interval % 1000000000)},
  };
  return clinux_result(syscall(SYS_timer_settime, timer, 0, &specification, NULL));
}

static inline int64_t clinux_timer_delete(clinux_timer timer) {
  return clinux_result(syscall(SYS_timer_delete, timer));
}

#endif
