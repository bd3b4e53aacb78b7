// Assumptions of an image: what neither its note nor an option says, in words.

import GuestMem
import Inspection
import MMU

extension Assumptions {
  /// What is left to assume: no note has PKRU or what CPUID says, and QEMU's has no IA32_EFER and no
  /// IA32_PAT.
  init(
    notSaidBy processor: ImageProcessor?, _ kernelTables: KernelTables?, options: ImageOptions,
    registers: RegisterValues, pat: PATArgument?
  ) {
    self = []
    if options.givenPhysicalBits == nil { insert(.physicalAddressWidth) }
    if options.givenGibibytePages == nil { insert(.gibibytePages) }
    if options.givenNXE == nil && processor?.efer == nil { insert(.noExecute) }
    if pat == nil && processor?.pageAttributeTable == nil { insert(.pageAttributeTable) }
    if processor == nil && options.levels == nil && kernelTables?.isFiveLevel == nil {
      insert(.levels)
    }
    for control in AccessControl.allCases where registers[control] == nil {
      // A note has CR0 and CR4.
      if processor == nil || !control.isBit { formUnion(Assumptions(about: control)) }
    }
  }

  /// What is assumed of `image`, such as `MAXPHYADDR 52`.
  func words(of image: borrowing OpenedImage) -> [String] {
    let configuration = image.tables.configuration
    let mode = image.mode
    func state(_ name: String, _ isOn: Bool) -> String { "\(isOn ? "" : "no ")\(name)" }
    let all: [(Assumptions, String)] = [
      (
        .levels,
        "\(configuration.rootLevel.rawValue) levels"
          + (image.looksLikeFiveLevels ? " (the tables look like 5: --levels 5)" : "")
      ),
      (.physicalAddressWidth, "MAXPHYADDR \(configuration.physicalAddressWidth)"),
      (.gibibytePages, state("1 GiB pages", configuration.supports1GiBPages)),
      (.noExecute, state("NXE", configuration.isNoExecuteEnabled)),
    ]
    var words = all.filter { contains($0.0) }.map(\.1)
    for control in AccessControl.allCases where control.isBit && isAbout(control) {
      words.append(state(control.name, mode.controls[control] != 0))
    }
    if image.memory.format == .debugger { words.append("memory at every address") }
    if contains(.pageAttributeTable) { words.append("IA32_PAT as at power-on") }
    for control in AccessControl.allCases where !control.isBit && isAbout(control) {
      // A register of keys counts with its bit of CR4 only.
      guard let enabler = control.enabler, mode.controls[enabler] != 0 else { continue }
      words.append("\(control.fullName) 0")
    }
    return words
  }
}
