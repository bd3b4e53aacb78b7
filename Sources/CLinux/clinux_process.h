/* Child processes that never outlive their parent. vfork(2), prctl(2), execve(2), waitpid(2). */
#ifndef CLINUX_PROCESS_H
#define CLINUX_PROCESS_H

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clinux_result.h"

/* Two ends of a connection, closed on exec. */
static inline int64_t clinux_socket_pair(int ends[2]) {
  return clinux_result(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
}

/* What has arrived at a connection: 0 at its end, -EAGAIN when nothing has. */
static inline int64_t clinux_receive_now(int fd, void *buffer, uint64_t byte_count) {
  return clinux_result(recv(fd, buffer, byte_count, MSG_DONTWAIT));
}

/* Writes to a connection; a peer that is gone is an error and no signal. */
static inline int64_t clinux_send(int fd, const void *buffer, uint64_t byte_count) {
  return clinux_result(send(fd, buffer, byte_count, MSG_NOSIGNAL));
}

/* Runs `path` with `arguments` (ended by NULL) in a process group of its own, with `error_output`
 * as standard error, and the descriptors in `kept` open under their numbers. The child is killed
 * when the calling *thread* ends. Returns the child's id, or -errno of vfork or of exec. */
__attribute__((noinline)) static int64_t clinux_spawn(const char *path, char *const *arguments,
                                                    int error_output, const int *kept,
                                                    uint64_t kept_count) {
  extern char **environ;
  pid_t parent = getpid();
  volatile int failure = 0;
  sigset_t none;
  sigemptyset(&none);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return -(int64_t)errno;
  pid_t child = vfork();
  if (child == 0) {
    /* Until exec the child borrows the parent's memory: system calls only. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) _exit(127);
    setpgid(0, 0);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(null, 0);
    dup2(null, 1);
    dup2(error_output, 2);
    for (uint64_t i = 0; i < kept_count; i++) fcntl(kept[i], F_SETFD, 0);
    execve(path, arguments, environ);
    failure = errno;
    _exit(127);
  }
  int error = errno;
  close(null);
  if (child < 0) return -(int64_t)error;
  if (failure != 0) {
    waitpid(child, NULL, 0);
    return -(int64_t)failure;
  }
  return child;
}

/* 0 while the child runs; afterwards its wait status plus 1. The child can still be waited for.
 * waitid(2), WNOWAIT. */
static inline int64_t clinux_peek_end(int64_t child) {
  siginfo_t information = {0};
  int64_t result = clinux_result(
      waitid(P_PID, (id_t)child, &information, WEXITED | WNOHANG | WNOWAIT));
  if (result < 0 || information.si_pid == 0) return result;
  int status = information.si_status;
  return 1 + (information.si_code == CLD_EXITED ? (int64_t)(status & 0xff) << 8 : status);
}

/* The processor time that the child has used, in nanoseconds. clock_getcpuclockid(3). */
static inline int64_t clinux_child_processor_time(int64_t child) {
  clockid_t clock;
  struct timespec used;
  int result = clock_getcpuclockid((pid_t)child, &clock);
  if (result != 0) return -(int64_t)result;
  if (clock_gettime(clock, &used) < 0) return -(int64_t)errno;
  return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

/* Kills the child with all of its process group, and waits for its end. */
static inline void clinux_end_child(int64_t child) {
  kill(-(pid_t)child, SIGKILL);
  kill((pid_t)child, SIGKILL);
  while (waitpid((pid_t)child, NULL, 0) < 0 && errno == EINTR) {
  }
}

/* True when this process may run the file. */
static inline bool clinux_is_executable(const char *path) { return access(path, X_OK) == 0; }

#endif
