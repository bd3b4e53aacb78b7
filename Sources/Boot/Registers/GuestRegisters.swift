// GuestRegisters: the registers of a guest's processor at one moment.

import Inspection
package import MMU

/// A segment register with what the processor keeps of its descriptor.
package struct SegmentRegister: Hashable, Sendable {
  /// The selector.
  package var selector: UInt16
  /// The base, a linear address.
  package var base: UInt64
  /// The limit in bytes.
  package var limit: UInt32

  /// Takes the values as they are.
  package init(selector: UInt16 = 0, base: UInt64 = 0, limit: UInt32 = 0) {
    self.selector = selector
    self.base = base
    self.limit = limit
  }
}

/// A descriptor-table register.
package struct DescriptorTableRegister: Hashable, Sendable {
  /// The base, a linear address.
  package var base: UInt64
  /// The limit: the number of bytes less 1.
  package var limit: UInt32

  /// Takes the values as they are.
  package init(base: UInt64 = 0, limit: UInt32 = 0) {
    self.base = base
    self.limit = limit
  }

  /// What RESET leaves: nothing was loaded.
  ///
  /// Source: Intel SDM volume 3A, table 10-1.
  var isThatOfReset: Bool { base == 0 && limit == 0xffff }
}

/// What a processor's registers hold, as far as paging and the delivery of exceptions need it.
///
/// Source: Intel SDM volume 3A, sections 2.4 (memory-management registers) and 2.5 (control registers).
package struct GuestRegisters: Hashable, Sendable {
  /// RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15, in the order of their encoding.
  ///
  /// Source: Intel SDM volume 2A, table 2-2 (ModR/M byte), with REX.
  package var general = [UInt64](repeating: 0, count: 16)
  /// RIP.
  package var rip: UInt64 = 0
  /// RFLAGS.
  package var rflags: UInt64 = 2
  /// CPL, 0 to 3.
  package var cpl: UInt8 = 0
  /// CS.
  package var cs = SegmentRegister()
  /// SS.
  package var ss = SegmentRegister()
  /// TR.
  package var tr = SegmentRegister()
  /// GDTR.
  package var gdt = DescriptorTableRegister()
  /// IDTR.
  package var idt = DescriptorTableRegister()
  /// CR0.
  package var cr0: UInt64 = 0
  /// CR2, the address of the last page fault, or what it started with.
  package var cr2: UInt64 = 0
  /// CR3.
  package var cr3: UInt64 = 0
  /// CR4.
  package var cr4: UInt64 = 0
  /// IA32_EFER.
  package var efer: UInt64 = 0
  /// The processor waits in HLT.
  package var isHalted = false

  /// Everything 0 but RFLAGS, whose bit 1 is always set.
  package init() {}

  /// RSP.
  package var rsp: UInt64 {
    get { general[4] }
    set { general[4] = newValue }
  }

  /// CR0.PG.
  package var isPagingOn: Bool { cr0 >> 31 & 1 != 0 }
  /// IA32_EFER.LMA and CR0.PG: 4-level or 5-level paging.
  package var isLongMode: Bool { isPagingOn && efer >> 10 & 1 != 0 }
  /// RFLAGS.IF.
  package var areInterruptsEnabled: Bool { rflags >> 9 & 1 != 0 }

  /// The privilege by which paging judges.
  package var privilege: PrivilegeLevel { cpl == 3 ? .user : .supervisor }

  /// The state that decides about accesses of the running code.
  package var mode: CPUMode {
    var controls = AccessControls()
    for control in AccessControl.allCases {
      if let value = control.value(cr0: cr0, cr4: cr4) { controls[control] = value }
    }
    controls.isAlignmentCheckFlagSet = rflags >> 18 & 1 != 0
    return CPUMode(privilege: privilege, controls: controls)
  }
}
