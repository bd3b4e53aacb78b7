// KernelBugs: the mistakes.

import TestKernels
import Testing

@testable import Boot

extension KernelBug {
  private typealias Kernel = TestKernel

  private static let writable: UInt64 = 2
  private static let user: UInt64 = 4
  private static let executeDisable: UInt64 = 1 << 63

  /// Only writes to the data, on no stack.
  private static let writesData: @Sendable (inout MachineCode) -> Void = { code in
    code.write(TestKernel.scratch)
    code.succeed()
  }

  /// Code, stack and data that the new root lacks, or has with other rights.
  static let mappings: [KernelBug] = [
    KernelBug(
      name: "code is not mapped by the new root", make: { $0[Kernel.codePage] = 0 },
      cause: "code-not-mapped", level: 1, bits: 1),
    KernelBug(
      name: "the PD entry of the code is missing", make: { $0[Kernel.directory] = 0 },
      cause: "code-not-mapped", level: 2, bits: 1),
    KernelBug(
      name: "the PDPT entry of the code is missing", make: { $0[Kernel.directoryPointers] = 0 },
      cause: "code-not-mapped", level: 3, bits: 1),
    KernelBug(
      name: "the PML4 entry stands at the index of the upper half",
      make: {
        $0[Kernel.root + 256 * 8] = $0[Kernel.root]
        $0[Kernel.root] = 0
      }, cause: "code-not-mapped", level: 4, bits: 1),
    KernelBug(
      name: "the index of the PDPT was taken for that of the PD",
      make: {
        $0[Kernel.directory + 3 * 8] = $0[Kernel.directory]
        $0[Kernel.directory] = 0
      }, cause: "code-not-mapped", level: 2, bits: 1),
    KernelBug(
      name: "P was forgotten in the PDE", make: { $0[Kernel.directory] &= ~1 },
      cause: "code-not-mapped", level: 2, bits: 1),
    KernelBug(
      name: "the code is not executable", make: { $0[Kernel.codePage] |= executeDisable },
      cause: "code-no-execute", level: 1, bits: executeDisable),
    KernelBug(
      name: "XD in the PDE above executable code",
      make: { $0[Kernel.directory] |= executeDisable }, cause: "parent-denies", level: 2,
      bits: executeDisable),
    KernelBug(
      name: "XD in the PML4E above everything", make: { $0[Kernel.root] |= executeDisable },
      cause: "parent-denies", level: 4, bits: executeDisable),
    KernelBug(
      name: "the old stack is not mapped by the new root",
      make: {
        $0.after = { code in
          code.emit(0x50)
          code.succeed()
        }
      }, cause: "stack-not-mapped", level: 4, bits: 1),
    KernelBug(
      name: "the page of the stack is not mapped",
      make: { $0[Kernel.dataPage(0x20_9000)] = 0 }, cause: "stack-not-mapped", level: 1, bits: 1),
    KernelBug(
      name: "the stack is read-only", make: { $0[Kernel.dataPage(0x20_9000)] &= ~writable },
      cause: "stack-read-only", level: 1, bits: writable),
    KernelBug(
      name: "a CALL on a stack that is not mapped",
      make: {
        $0.after = { code in
          code.load(.rsp, 0x24_0000)
          code.load(.rax, Kernel.code)
          code.emit(0xff, 0xd0)
        }
      }, cause: "stack-not-mapped", level: 1, bits: 1),
    KernelBug(
      name: "data is not mapped", make: { $0[Kernel.dataPage(Kernel.scratch)] = 0 },
      cause: "data-not-mapped", level: 1, bits: 1),
    KernelBug(
      name: "data is read-only, and CR0.WP is set",
      make: { $0[Kernel.dataPage(Kernel.scratch)] &= ~writable }, cause: "data-read-only",
      level: 1, bits: writable),
    KernelBug(
      name: "a null pointer is read",
      make: {
        $0.after = { code in
          code.read(0)
          code.succeed()
        }
      }, cause: "data-not-mapped", level: 1, bits: 1),
    KernelBug(
      name: "the recursive entry was put at another index than the one that is used",
      make: {
        $0[Kernel.root + 511 * 8] = Kernel.root | 3
        $0.after = { code in
          code.read(0xffff_ff7f_bfdf_e000)
          code.succeed()
        }
      }, cause: "data-not-mapped", level: 4, bits: 1),
  ]

  /// Entries above the leaf.
  static let parents: [KernelBug] = [
    KernelBug(
      name: "R/W is missing in the PDE",
      make: {
        $0[Kernel.directory + 8] &= ~writable
        $0.after = writesData
      }, cause: "parent-denies", level: 2, bits: writable),
    KernelBug(
      name: "R/W is missing in the PDPTE",
      make: {
        $0[Kernel.directoryPointers] &= ~writable
        $0.after = writesData
      }, cause: "parent-denies", level: 3, bits: writable),
    KernelBug(
      name: "R/W is missing in the PML4E",
      make: {
        $0[Kernel.root] &= ~writable
        $0.after = writesData
      }, cause: "parent-denies", level: 4, bits: writable),
    KernelBug(
      name: "the PDPTE leads where no memory is",
      make: { $0[Kernel.directoryPointers] = 0x7ff0_0003 }, cause: "table-outside-memory",
      level: 3),
    KernelBug(
      name: "the PML4E holds a frame number", make: { $0[Kernel.root] = 0x201 | 3 },
      cause: "address-shifted", level: nil),
    KernelBug(
      name: "the PDE holds a frame number", make: { $0[Kernel.directory] = 0x203 | 3 },
      cause: "address-shifted", level: nil),
    KernelBug(
      name: "the address in the PDE is shifted left by 12",
      make: { $0[Kernel.directory] = 0x203000 << 12 | 3 }, cause: "address-shifted", level: nil),
    KernelBug(
      name: "the PDPTE leads to something else than a PD",
      make: {
        for index in 0..<512 as Range<UInt64> {
          $0[Kernel.spare + index * 8] = 0x9e37_79b9_7f4a_7c15 &* (index + 1) | 1
        }
        $0[Kernel.directoryPointers] = Kernel.spare | 3
      }, cause: "not-a-table", level: nil),
  ]

  /// Bits that must be 0.
  static let reservedBits: [KernelBug] = [
    KernelBug(
      name: "XD without NXE, in a leaf",
      make: {
        $0.before = { $0.clearEFER(1 << 11) }
        $0.after = writesData
      }, cause: "reserved-bit-no-execute", level: 1, bits: executeDisable),
    KernelBug(
      name: "XD without NXE, on the stack",
      make: {
        $0.before = { $0.clearEFER(1 << 11) }
        $0.after = { code in
          code.load(.rsp, Kernel.stackTop)
          code.emit(0x50)
        }
      }, cause: "reserved-bit-no-execute", level: 1, bits: executeDisable),
    KernelBug(
      name: "XD without NXE, in the PDE of the code",
      make: {
        $0[Kernel.directory] |= executeDisable
        $0.before = { $0.clearEFER(1 << 11) }
      }, cause: "reserved-bit-no-execute", level: 2, bits: executeDisable),
    KernelBug(
      name: "an address bit beyond MAXPHYADDR, in a leaf",
      make: { $0[Kernel.codePage] |= 1 << 50 }, cause: "reserved-bit-address", level: 1,
      bits: 1 << 50),
    KernelBug(
      name: "an address bit beyond MAXPHYADDR, in a PDE",
      make: { $0[Kernel.directory] |= 1 << 51 }, cause: "reserved-bit-address", level: 2,
      bits: 1 << 51),
    KernelBug(
      name: "the encryption bit of another machine (bit 51) in the PML4E",
      make: { $0[Kernel.root] |= 1 << 51 }, cause: "reserved-bit-address", level: 4,
      bits: 1 << 51),
    KernelBug(
      name: "PS in the PML4E", make: { $0[Kernel.root] |= 0x80 },
      cause: "reserved-bit-page-size", level: 4, bits: 0x80),
    KernelBug(
      name: "a 2 MiB page at an odd MiB",
      make: { $0[Kernel.directory] = 0x10_0083 }, cause: "reserved-bit-misaligned-page", level: 2,
      bits: 0x10_0000),
    KernelBug(
      name: "a 1 GiB page at 2 MiB",
      make: { $0[Kernel.directoryPointers] = 0x20_0083 }, cause: "reserved-bit-misaligned-page",
      level: 3, bits: 0x20_0000,
      onKVM: ("triple-fault", "reserved-bit-page-size", 3, 0x80)),
  ]

  /// What CR3 is loaded with.
  static let roots: [KernelBug] = [
    KernelBug(
      name: "CR3 is loaded with the address of a pointer's target in linear memory",
      make: { $0.cr3 = 0x4000_0000 + Kernel.root }, base: 0x4000_0000,
      cause: "root-is-linear-address"),
    KernelBug(
      name: "CR3 leads where no memory is", make: { $0.cr3 = 0x7ff0_0000 },
      cause: "root-outside-memory"),
    KernelBug(
      name: "CR3 leads to a page of zeros", make: { $0.cr3 = Kernel.spare }, cause: "root-is-empty"),
    KernelBug(
      name: "CR3 leads to something else than a table",
      make: {
        for index in 0..<512 as Range<UInt64> {
          $0[Kernel.spare + index * 8] = 0x9e37_79b9_7f4a_7c15 &* (index + 1) | 1
        }
        $0.cr3 = Kernel.spare
      }, cause: "root-is-not-a-table"),
    KernelBug(
      name: "CR3 leads to the code of the kernel", make: { $0.cr3 = Kernel.code },
      cause: "root-is-not-a-table"),
    KernelBug(
      name: "CR3 is loaded with an address of the upper half",
      make: { $0.cr3 = 0xffff_8000_0000_0000 + Kernel.root }, cause: "reserved-bits-in-cr3",
      end: "time-limit", onKVM: ("triple-fault", "reserved-bits-in-cr3", nil, nil)),
  ]

  /// Exceptions that are not delivered.
  static let exceptions: [KernelBug] = [
    KernelBug(
      name: "no IDT, and UD2", make: { $0.after = { $0.emit(0x0f, 0x0b) } },
      cause: "other-exception", delivery: "no-idt"),
    KernelBug(
      name: "the IDT is not mapped by the new root",
      make: {
        $0.takesExceptions()
        $0[Kernel.dataPage(Kernel.idt)] = 0
        $0[Kernel.dataPage(Kernel.scratch)] = 0
      }, cause: "idt-not-mapped", level: 1, bits: 1, delivery: "idt-not-mapped"),
    KernelBug(
      name: "the limit of the IDT is too small",
      make: {
        $0.takesExceptions(limit: 14 * 16 - 1)
        $0[Kernel.dataPage(Kernel.scratch)] = 0
      }, cause: "data-not-mapped", level: 1, bits: 1, delivery: "short-idt"),
    KernelBug(
      name: "the gate is not present",
      make: {
        $0.takesExceptions(type: 0x0e)
        $0[Kernel.dataPage(Kernel.scratch)] = 0
      }, cause: "data-not-mapped", level: 1, bits: 1, delivery: "gate-not-present"),
    KernelBug(
      name: "the gate is a task gate",
      make: {
        $0.takesExceptions(type: 0x85)
        $0[Kernel.dataPage(Kernel.scratch)] = 0
      }, cause: "gate-type", isIgnoredByPVM: true, delivery: "gate-type"),
    KernelBug(
      name: "the selector of the gate is that of data",
      make: {
        $0.takesExceptions(selector: 0x10)
        $0[Kernel.dataPage(Kernel.scratch)] = 0
      }, cause: "gate-selector", isIgnoredByPVM: true,
      delivery: "gate-selector"),
    KernelBug(
      name: "the GDT is not mapped by the new root",
      make: {
        $0.takesExceptions(loadsGDT: false)
        $0[Kernel.dataPage(Kernel.scratch)] = 0
      }, cause: "gdt-not-mapped", level: 2, bits: 1, delivery: "gdt-not-mapped"),
    KernelBug(
      name: "an interrupt stack without a TSS",
      make: {
        $0.takesExceptions(stackTable: 1)
        $0[Kernel.dataPage(Kernel.scratch)] = 0
      }, cause: "tss-not-mapped", level: 1, bits: 1, delivery: "tss-not-mapped"),
    KernelBug(
      name: "the stack is not mapped when an exception comes",
      make: {
        $0.takesExceptions()
        $0.after = { code in
          code.load(.rsp, 0x24_0000)
          code.write(Kernel.scratch)
        }
        $0[Kernel.dataPage(Kernel.scratch)] = 0
      }, cause: "stack-not-mapped", level: 1, bits: 1, delivery: "stack-not-mapped"),
    KernelBug(
      name: "the handler is not mapped",
      make: {
        $0.takesExceptions()
        $0[Kernel.idt + 14 * 16] = 0x0030_8e00_0008_0000
        $0[Kernel.dataPage(Kernel.scratch)] = 0
      }, cause: "handler-not-mapped", level: 1, bits: 1),
    KernelBug(
      name: "the handler returns without a cure",
      make: {
        $0.takesExceptions()
        // ADD RSP, 8; IRETQ.
        $0.handler = { $0.emit(0x48, 0x83, 0xc4, 0x08, 0x48, 0xcf) }
        $0[Kernel.dataPage(Kernel.scratch)] = 0
      }, cause: "data-not-mapped", level: 1, bits: 1, end: "endless-fault"),
  ]

  /// Addresses that are not canonical.
  static let addresses: [KernelBug] = [
    KernelBug(
      name: "a pointer that lost its upper bits",
      make: { $0.after = { $0.write(0x0000_8000_0000_0000) } }, cause: "data-not-canonical"),
    KernelBug(
      name: "a jump to an address that is not canonical",
      make: { $0.after = { $0.jump(0x1234_5678_9abc_def0) } }, cause: "code-not-canonical"),
    KernelBug(
      name: "a return to an address that is not canonical",
      make: {
        $0[Kernel.scratch] = 0xdead_beef_0000_0000
        $0.after = { code in
          code.load(.rsp, Kernel.scratch)
          code.emit(0xc3)
        }
      }, cause: "code-not-canonical"),
    KernelBug(
      name: "a field of a structure at an address that is not canonical",
      make: {
        $0.after = { code in
          code.load(.rbx, 0x00ff_8000_0000_0000)
          // mov rax, [rbx + 16]
          code.emit(0x48, 0x8b, 0x43, 0x10)
        }
      }, cause: "data-not-canonical"),
  ]

  /// Privileges.
  static let privileges: [KernelBug] = [
    KernelBug(
      name: "code of CPL 3 on a supervisor page", make: { entersUser(&$0) },
      cause: "code-supervisor-page", level: 1, bits: user),
    KernelBug(
      name: "U/S is missing in the PDE above user code",
      make: {
        entersUser(&$0)
        $0[Kernel.root] |= user
        $0[Kernel.directoryPointers] |= user
        $0[Kernel.codePage] |= user
      }, cause: "parent-denies", level: 2, bits: user),
    KernelBug(
      name: "SMEP, and code on a user page",
      make: {
        for place in [
          Kernel.root, Kernel.directoryPointers, Kernel.directory, Kernel.codePage,
        ] { $0[place] |= user }
        $0.before = { $0.setCR4(1 << 20) }
      }, cause: "smep", level: 1, bits: user),
    KernelBug(
      name: "SMAP, and data on a user page",
      make: {
        for place in [
          Kernel.root, Kernel.directoryPointers, Kernel.directory + 8,
          Kernel.dataPage(Kernel.scratch),
        ] { $0[place] |= user }
        $0.before = { $0.setCR4(1 << 21) }
        $0.after = writesData
      }, cause: "smap", level: 1, bits: user),
  ]

  /// IRETQ to CPL 3 at the handler's place, with the kernel's own GDT.
  private static func entersUser(_ kernel: inout TestKernel) {
    kernel[Kernel.gdt + 24] = 0x00cf_f300_0000_ffff
    kernel[Kernel.gdt + 32] = 0x00af_fb00_0000_ffff
    kernel[Kernel.tableRegisters + 16] = kernel[Kernel.tableRegisters + 16] & ~0xffff | 39
    let registers = kernel.base + Kernel.tableRegisters
    let target = kernel.handlerAddress
    kernel.before = { $0.loadGDT(registers + 16) }
    kernel.after = { code in
      code.load(.rsp, Kernel.stackTop)
      // SS, RSP, RFLAGS, CS, RIP.
      for value in [0x1b, Kernel.stackTop, 2, 0x23, target] {
        code.load(.rax, value)
        code.emit(0x50)
      }
      code.emit(0x48, 0xcf)
    }
  }

  static let all =
    mappings + parents + reservedBits + roots + exceptions + addresses + privileges
}
