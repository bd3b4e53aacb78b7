// OpenedImage: a memory image together with the tables in it and the processor's state.

import GuestMem
import Inspection
import MMU

/// What a command about an image works on.
struct OpenedImage: ~Copyable {
  let path: String
  let memory: MemoryImage
  let tables: PageTables
  let cr3: UInt64
  /// Where CR3 and the modes come from, for reports.
  let source: String
  /// The modes; the privilege is the command's to choose.
  let mode: CPUMode
  /// The registers of the chosen processor, where the image has them.
  let processor: ImageProcessor?
  let pat: PATArgument
  /// What neither the image nor an option says.
  let assumptions: Assumptions
  /// The machine whose memory this is, where it is one that runs.
  let machine: LiveMachine?
  /// The number of levels is assumed, and the tables look like tables of five.
  var looksLikeFiveLevels: Bool {
    assumptions.contains(.levels) && tables.lookLikeFiveLevels(in: memory)
  }

  /// Opens the image at `path` and checks that the tables' root is in it.
  ///
  /// `registers` and `pat` are for commands that show rights and memory types; without them those of
  /// the image count, and what a processor starts with where it has none.
  static func open(
    path: String, options: ImageOptions, registers: RegisterValues = RegisterValues(),
    pat: PATArgument? = nil
  ) throws(CommandFailure) -> OpenedImage {
    let origin = try ImageSource(path)
    try refuseWhatIgnored(by: origin, path, options)
    let machine = try LiveMachine.open(origin, isLive: options.live)
    let memory = try openMemory(origin, machine, path, options)
    let processor = try processor(of: memory, options, path)
    let kernelRoot = memory.kernelTables?.rootAddress
    guard let cr3 = options.cr3?.value ?? processor?.cr3 ?? kernelRoot else {
      throw CommandFailure(
        .usage, "\(quoted(path)) does not say where the tables are", hint: "pass --cr3 ADDRESS")
    }
    let isFiveLevel = processor?.isFiveLevel ?? memory.kernelTables?.isFiveLevel
    let tables = PageTables(
      cr3: cr3,
      configuration: try configuration(
        isFiveLevel: isFiveLevel, isNoExecuteEnabled: processor?.isNoExecuteEnabled, machine,
        options))
    guard tables.hasRoot(in: memory) else {
      throw CommandFailure(
        .badInput,
        "\(quoted(path)) has no memory at 0x\(String(tables.rootAddress.rawValue, radix: 16)), "
          + "where the root of the tables should be",
        hint: encryptionHint(tables.rootAddress, memory)
          ?? "check --cr3" + (memory.format == .raw ? " and --base" : ""))
    }
    if let machine { try machine.finish(tables, memory) }
    let mode = mode(processor, registers)
    for control in AccessControl.allCases where !control.isBit {
      guard let value = registers[control] else { continue }
      guard value <= UInt64(UInt32.max) else {
        throw CommandFailure(.usage, "--\(control.rawValue) has 32 bits")
      }
      guard let enabler = control.enabler, mode.controls[enabler] == 0 else { continue }
      throw CommandFailure(
        OptionWithoutEffect(
          option: "--\(control.rawValue)", reason: "\(enabler.fullName) is off",
          scope: "images with \(enabler.name) on, or --\(enabler.rawValue) on"))
    }
    var assumptions = Assumptions(
      notSaidBy: processor, memory.kernelTables, options: options, registers: registers, pat: pat)
    if machine?.physicalAddressWidth != nil { assumptions.remove(.physicalAddressWidth) }
    if machine?.hasGibibytePages != nil { assumptions.remove(.gibibytePages) }
    return OpenedImage(
      path: path, memory: memory, tables: tables, cr3: cr3,
      source: options.cr3 == nil ? source(processor, options) : "--cr3", mode: mode,
      processor: processor,
      pat: pat ?? processor?.pageAttributeTable.map(PATArgument.init) ?? .atPowerOn,
      assumptions: assumptions, machine: machine)
  }

  /// Who says where the tables are.
  private static func source(_ processor: ImageProcessor?, _ options: ImageOptions) -> String {
    guard let processor else { return "the kernel's note VMCOREINFO" }
    switch processor.source {
    case .qemu, .virtualBox:
      return "\(processor.source.rawValue)'s note about processor \(options.vcpu)"
    case .qemuMonitor, .debugger: return "\(processor.source.rawValue), processor \(options.vcpu)"
    }
  }

  private static func openMemory(
    _ source: ImageSource, _ machine: LiveMachine?, _ path: String, _ options: ImageOptions
  ) throws(CommandFailure) -> MemoryImage {
    if let machine { return try machine.image(path) }
    let reading = try reading(options)
    do throws(MemoryImageError) {
      if case .pieces(let pieces) = source { return try MemoryImage(pieces: pieces) }
      return try MemoryImage(path: path, reading: reading)
    } catch {
      throw CommandFailure(error, path: path)
    }
  }

  private static func reading(
    _ options: ImageOptions
  ) throws(CommandFailure) -> MemoryImage.Reading {
    guard let base = options.base else { return .automatic }
    do throws(AddressError) {
      return .raw(base: try GuestPhysicalAddress(base.value))
    } catch {
      throw CommandFailure(.usage, "--base needs more than 52 bits")
    }
  }

  private static func refuseWhatIgnored(
    by source: ImageSource, _ path: String, _ options: ImageOptions
  ) throws(CommandFailure) {
    if options.base != nil, ImageSource.isScheme(path) {
      throw CommandFailure(
        OptionWithoutEffect(
          option: "--base", reason: "\(quoted(path)) says where its memory is",
          scope: "files of raw memory"))
    }
    guard options.live else { return }
    if case .qemu = source { return }
    throw CommandFailure(
      OptionWithoutEffect(
        option: "--live", reason: "\(quoted(path)) is no machine that could be paused",
        scope: "qemu:SOCKET"))
  }

  private static func configuration(
    isFiveLevel: Bool?, isNoExecuteEnabled: Bool?, _ machine: LiveMachine?, _ options: ImageOptions
  ) throws(CommandFailure) -> PagingConfiguration {
    let levels = options.levels ?? (isFiveLevel == true ? 5 : 4)
    guard levels == 4 || levels == 5 else {
      throw CommandFailure(.usage, "tables have 4 or 5 levels, not \(levels)")
    }
    do throws(PagingConfigurationError) {
      return try PagingConfiguration(
        rootLevel: levels == 5 ? .pageMapLevel5 : .pageMapLevel4,
        physicalAddressWidth: options.givenPhysicalBits.map { UInt8($0) }
          ?? machine?.physicalAddressWidth ?? UInt8(options.physicalBits),
        isNoExecuteEnabled: options.givenNXE?.isOn ?? isNoExecuteEnabled ?? true,
        supports1GiBPages: options.givenGibibytePages?.isOn ?? machine?.hasGibibytePages
          ?? options.gibibytePages.isOn,
        vendor: options.vendor.vendor)
    } catch {
      throw CommandFailure(.usage, error.message, hint: error.hint)
    }
  }

  private static func processor(
    of memory: borrowing MemoryImage, _ options: ImageOptions, _ path: String
  ) throws(CommandFailure) -> ImageProcessor? {
    let processors = memory.processors
    if processors.indices.contains(options.vcpu) {
      let processor = processors[options.vcpu]
      guard processor.isPagingEnabled || options.cr3 != nil else {
        throw CommandFailure(
          .badInput,
          "processor \(options.vcpu) of \(quoted(path)) does not use paging of 64-bit mode: "
            + (processor.cr0 >> 31 & 1 == 0
              ? "CR0.PG is clear, so paging is off"
              : "CR4.PAE is clear, so its tables are those of 32-bit paging"),
          hint: "choose another with --vcpu, or pass --cr3")
      }
      return processor
    }
    if processors.isEmpty && options.givenVCPU != nil {
      throw CommandFailure(
        OptionWithoutEffect(
          option: "--vcpu", reason: "\(quoted(path)) holds no processor's registers",
          scope: "the cores of QEMU guests"))
    }
    guard processors.isEmpty else {
      throw CommandFailure(
        .usage,
        "\(quoted(path)) has \(counted(processors.count, "processor")), not one of number "
          + "\(options.vcpu)", hint: "--vcpu counts from 0 on")
    }
    return nil
  }

  private static func mode(
    _ processor: ImageProcessor?, _ registers: RegisterValues
  ) -> CPUMode {
    var mode = CPUMode(privilege: .supervisor)
    for control in AccessControl.allCases {
      let noted = processor.flatMap { control.value(cr0: $0.cr0, cr4: $0.cr4) }
      guard let value = registers[control] ?? noted.map(UInt64.init) else { continue }
      mode.controls[control] = UInt32(truncatingIfNeeded: value)
    }
    return mode
  }

  /// The mode of code at `privilege`.
  func mode(at privilege: PrivilegeLevel) -> CPUMode {
    var mode = mode
    mode.privilege = privilege
    return mode
  }
}

extension OpenedImage {
  /// Ends the command when the image's file lost words while it was read.
  func requireWhole() throws(CommandFailure) {
    do throws(MemoryImageError) {
      try memory.requireWhole()
    } catch {
      throw CommandFailure(error, path: path)
    }
    if let machine { try machine.requireUnchanged(memory) }
  }
}

extension CommandFailure {
  /// The image cannot be read.
  init(_ error: MemoryImageError, path: String) {
    switch error {
    case .unreadable(let code): self.init(InputFileError(path: path, code: code))
    case .shortened, .tooLarge, .notAFile:
      var status = ExitStatus.badInput
      if case .tooLarge = error { status = .internalError }
      self.init(
        status, "cannot read \(quoted(path)): \(error.message) [\(error.id)]", hint: error.hint)
    default:
      if error == .foreignFormat(.text), let text = TextInput(path: path) {
        self.init(
          .badInput, "\(quoted(path)) is not a memory image: it is \(text.words) [\(error.id)]",
          hint: text.hint)
        return
      }
      self.init(
        .badInput, "\(quoted(path)) is not a memory image: \(error.message) [\(error.id)]",
        hint: error.hint)
    }
  }
}
