// MachineIdentity: which machine executes.

public import KVM

/// Who executes, in a report's words.
public struct MachineIdentity: Hashable, Sendable {
  /// The machine, such as `KVM`.
  public var name: String
  /// Who walks the tables.
  public var walker: TableWalker
  /// The processor's name.
  public var processorName: String
  /// The host's kernel release.
  public var kernelRelease: String
  /// Whether the host's own processor is an emulator's.
  public var hostProcessor: HostProcessor
  /// The version of the program that walks the tables, such as `7.2.22` of QEMU; empty where it is
  /// the kernel.
  public var programVersion: String

  /// Takes the parts as they are.
  public init(
    name: String, walker: TableWalker, processorName: String, kernelRelease: String,
    hostProcessor: HostProcessor = .silicon, programVersion: String = ""
  ) {
    self.hostProcessor = hostProcessor
    self.programVersion = programVersion
    self.name = name
    self.walker = walker
    self.processorName = processorName
    self.kernelRelease = kernelRelease
  }
}

extension MachineIdentity {
  /// Who walks the tables, and by whose hands, such as `AMD NPT, emulated by QEMU TCG`.
  public var walkerWords: String {
    walker == .tcg ? walker.name : walker.name + hostProcessor.remark
  }
}
