// Each row of AccessControl is one member of AccessControls, and one bit or register.

import MMU
import Testing

@Suite("Every access control is one member and one place")
struct AccessControlTests {
  /// The members, without the table.
  static var members:
    [(control: AccessControl, isSet: (AccessControls) -> Bool, set: (inout AccessControls) -> Void)]
  {
    [
      (.writeProtect, { $0.isWriteProtectEnabled }, { $0.isWriteProtectEnabled = true }),
      (.smep, { $0.isSMEPEnabled }, { $0.isSMEPEnabled = true }),
      (.smap, { $0.isSMAPEnabled }, { $0.isSMAPEnabled = true }),
      (
        .alignmentCheckFlag, { $0.isAlignmentCheckFlagSet }, { $0.isAlignmentCheckFlagSet = true }
      ),
      (.pke, { $0.isPKEEnabled }, { $0.isPKEEnabled = true }),
      (.pkru, { $0.pkru == 1 }, { $0.pkru = 1 }),
      (.pks, { $0.isPKSEnabled }, { $0.isPKSEnabled = true }),
      (.pkrs, { $0.pkrs == 1 }, { $0.pkrs = 1 }),
    ]
  }

  private static var none: AccessControls {
    var controls = AccessControls()
    controls.isWriteProtectEnabled = false
    return controls
  }

  @Test("reading and writing by name reaches the member, and no other")
  func subscripts() {
    #expect(Self.members.map(\.control) == AccessControl.allCases)
    for (control, isSet, set) in Self.members {
      var named = Self.none
      named[control] = 1
      var direct = Self.none
      set(&direct)
      #expect(named == direct && isSet(named) && named[control] == 1)
      for (other, isOtherSet, _) in Self.members where other != control {
        #expect(named[other] == 0 && !isOtherSet(named))
      }
      named[control] = 0
      #expect(named == Self.none)
      named[control] = 0xffff_fffe
      #expect(named[control] == (control.isBit ? 1 : 0xffff_fffe))
    }
  }

  @Test("after a reset CR0.WP alone is taken as set")
  func defaults() {
    #expect(AccessControl.allCases.filter { AccessControls()[$0] != 0 } == [.writeProtect])
    #expect(CPUMode(privilege: .user).controls == AccessControls())
  }

  @Test("a mode has the members of its registers")
  func members() {
    for (_, _, set) in Self.members {
      var controls = Self.none
      set(&controls)
      var mode = CPUMode(privilege: .user, controls: Self.none)
      mode.isWriteProtectEnabled = controls.isWriteProtectEnabled
      mode.isSMEPEnabled = controls.isSMEPEnabled
      mode.isSMAPEnabled = controls.isSMAPEnabled
      mode.isAlignmentCheckFlagSet = controls.isAlignmentCheckFlagSet
      mode.isPKEEnabled = controls.isPKEEnabled
      mode.pkru = controls.pkru
      mode.isPKSEnabled = controls.isPKSEnabled
      mode.pkrs = controls.pkrs
      #expect(mode == CPUMode(privilege: .user, controls: controls))
    }
  }

  /// Source: Intel SDM volume 3A, sections 2.3, 2.5 and 5.6.2.
  @Test("the places are the manual's, and a bit is read from its own register")
  func places() {
    let bits: [AccessControl: (cr0: UInt64, cr4: UInt64)] = [
      .writeProtect: (1 << 16, 0), .smep: (0, 1 << 20), .smap: (0, 1 << 21), .pke: (0, 1 << 22),
      .pks: (0, 1 << 24),
    ]
    for control in AccessControl.allCases {
      guard let bit = bits[control] else {
        #expect(control.value(cr0: .max, cr4: .max) == nil)
        continue
      }
      #expect(control.value(cr0: bit.cr0, cr4: bit.cr4) == 1)
      #expect(control.value(cr0: ~bit.cr0, cr4: ~bit.cr4) == 0)
    }
    #expect(AccessControl.alignmentCheckFlag.place == .rflags(bit: 18))
    #expect(AccessControl.allCases.filter { !$0.isBit } == [.pkru, .pkrs])
  }

  @Test("names are those of files, options and the manual")
  func names() {
    #expect(
      AccessControl.allCases.map(\.rawValue)
        == ["wp", "smep", "smap", "ac", "pke", "pkru", "pks", "pkrs"])
    #expect(
      AccessControl.allCases.map(\.fullName) == [
        "CR0.WP", "CR4.SMEP", "CR4.SMAP", "RFLAGS.AC", "CR4.PKE", "PKRU", "CR4.PKS", "IA32_PKRS",
      ])
    #expect(
      AccessControl.allCases.compactMap { control in control.enabler.map { [control, $0] } }
        == [[.alignmentCheckFlag, .smap], [.pkru, .pke], [.pkrs, .pks]])
    // Each is assumed under a name of its own, but for AC, which belongs to the access.
    let assumed = AccessControl.allCases.map { Assumptions(about: $0) }
    #expect(Set(assumed.map(\.rawValue)).count == AccessControl.allCases.count)
    for control in AccessControl.allCases {
      #expect(Assumptions(about: control).isAbout(control) == (control != .alignmentCheckFlag))
    }
  }

  @Test("every assumption is a bit of its own")
  func assumptions() {
    let all: [Assumptions] = [
      .physicalAddressWidth, .gibibytePages, .noExecute, .levels, .writeProtect, .smep, .smap,
      .pkru,
      .pke, .pageAttributeTable, .pks, .pkrs,
    ]
    #expect(all.allSatisfy { $0.rawValue.nonzeroBitCount == 1 })
    #expect(Set(all.map(\.rawValue)).count == all.count)
  }

  @Test("a push uses the 8 bytes below the stack pointer, wherever it is")
  func stackUse() {
    for address in [0x1000, 8, 0, 0xffff_8000_0000_0000] as [UInt64] {
      let use = RegisterUse.stack(below: address, .supervisor)
      #expect(use.linearAddress == address &- 8 && use.byteCount == 8 && use.access == .write)
    }
  }
}
