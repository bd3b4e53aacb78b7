// Assumptions of an image: what neither its note nor an option says, in words.

import GuestMem
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
    if registers.pkru == nil { insert(.pkru) }
    guard processor == nil else { return }
    if options.levels == nil && kernelTables?.isFiveLevel == nil { insert(.levels) }
    if registers.isWriteProtectEnabled == nil { insert(.writeProtect) }
    if registers.isSMEPEnabled == nil { insert(.smep) }
    if registers.isSMAPEnabled == nil { insert(.smap) }
    if registers.isPKEEnabled == nil { insert(.pke) }
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
      (.writeProtect, state("WP", mode.isWriteProtectEnabled)),
      (.smep, state("SMEP", mode.isSMEPEnabled)), (.smap, state("SMAP", mode.isSMAPEnabled)),
      (.pke, state("PKE", mode.isPKEEnabled)),
      (.pageAttributeTable, "IA32_PAT as at power-on"),
    ]
    let named = all.filter { contains($0.0) }.map(\.1)
    // PKRU counts with PKE only.
    return named + (contains(.pkru) && mode.isPKEEnabled ? ["PKRU 0"] : [])
  }
}
