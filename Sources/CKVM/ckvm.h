/* CKVM: the only C of the libraries. Kernel headers, ioctl shims that return -errno, and 8-byte
 * atomics on raw memory. Header only. */
#ifndef CKVM_H
#define CKVM_H

#include <linux/kvm.h>

#endif
