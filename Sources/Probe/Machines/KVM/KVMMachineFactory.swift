// KVMMachineFactory: makes guests on one KVM device.

import Glibc
import GuestMem
public import KVM
public import MMU

/// The KVM device and what it offers; makes machines, one per thread.
public final class KVMMachineFactory: MachineFactory {
  private let device: Device
  /// The processor that guests see.
  public let processor: SupportedProcessor
  /// Who executes.
  public let identity: MachineIdentity

  /// All of them can be tried.
  public var possibleMeans: [HostChangeMeans] { HostChangeMeans.allCases }
  /// What makes the host's changes of tables visible on this host.
  public var hostChangeMeans: HostChangeMeans {
    identity.walker.isShadowing ? .slotRecreation : .guestFlush
  }

  /// Opens the device.
  ///
  /// - Throws: ``MachineError/kvm(_:)``, which says what to do about it.
  public init(devicePath: String = Device.standardPath) throws(MachineError) {
    do throws(KVMError) {
      device = try Device(path: devicePath)
      processor = try device.supportedProcessor()
    } catch {
      throw .kvm(error)
    }
    identity = MachineIdentity(
      name: "KVM", walker: TableWalker.ofHost(), processorName: hostProcessorName(),
      kernelRelease: hostKernelRelease(), hostProcessor: .ofHost())
  }

  /// The most memory that a guest is given.
  ///
  /// For each 4 KiB page of a slot KVM keeps 10 bytes (its reverse mapping and whether it is
  /// tracked) from the start, and a host whose memory they exceed kills processes. Each guest gets an
  /// eighth of the host's memory for them.
  ///
  /// Source: Linux, arch/x86/kvm/x86.c, kvm_alloc_memslot_metadata.
  static let memoryLimit: UInt64 = {
    let (pageCount, pageByteCount) = (sysconf(Int32(_SC_PHYS_PAGES)), sysconf(Int32(_SC_PAGESIZE)))
    guard pageCount > 0, pageByteCount > 0 else { return .max }
    let (byteCount, isTooMuch) = UInt64(pageCount).multipliedReportingOverflow(
      by: UInt64(pageByteCount))
    return isTooMuch ? .max : (byteCount / 80) << 12 & ~((1 << 30) - 1)
  }()

  /// Whose manual the processor follows.
  public var vendor: ProcessorVendor { processor.vendor }
  /// The vendor's name in CPUID.
  public var vendorName: String { processor.vendorName }
  /// MAXPHYADDR as CPUID promises it.
  public var physicalAddressWidth: UInt8 { processor.physicalAddressWidth }
  /// A virtual machine per core: a thread waits while its guest runs.
  public var workerCount: Int { processorCount() }

  /// Guests have RAM wherever they are given it.
  public var memoryHoles: [Range<UInt64>] { [] }

  /// What CPUID says about a feature.
  public func promises(_ feature: MachineFeature) -> Bool { processor.promises(feature) }

  /// A virtual machine with one vCPU.
  ///
  /// - Throws: ``MachineError`` when KVM refuses the machine, its memory or its vCPU.
  public func makeMachine(
    memory: MachineMemory, agentAddress: UInt64, hostChangeMeans: HostChangeMeans
  ) throws(MachineError) -> any Machine {
    try KVMMachine(
      self, memory: memory, agentAddress: agentAddress, hostChangeMeans: hostChangeMeans)
  }

  func makeGuest(
    ram: MemoryView, contents: MachineMemory, agent: MemoryView, agentAddress: UInt64
  ) throws(MachineError) -> KVMGuest {
    let byteCount = contents.ranges.reduce(UInt64(0)) { sum, range in
      sum.addingReportingOverflow(range.byteCount).overflow ? .max : sum + range.byteCount
    }
    guard byteCount <= Self.memoryLimit else {
      throw .tooMuchMemory(byteCount: byteCount, limit: Self.memoryLimit)
    }
    do throws(KVMError) {
      return try KVMGuest(
        device: device, processor: processor, ram: ram, contents: contents, agent: agent,
        agentAddress: agentAddress, walker: identity.walker)
    } catch {
      throw .kvm(error)
    }
  }
}

extension SupportedProcessor {
  /// What CPUID says about a feature; CR0.WP is part of every processor with long mode.
  func promises(_ feature: MachineFeature) -> Bool {
    switch feature {
    case .fiveLevelPaging: hasLA57
    case .oneGiBPages: has1GiBPages
    case .noExecute: hasNoExecute
    case .writeProtect: true
    case .smep: hasSMEP
    case .smap: hasSMAP
    case .protectionKeys: hasPKU
    case .supervisorProtectionKeys: hasPKS
    }
  }
}
