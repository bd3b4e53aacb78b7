// KVMBoot: a kernel in a virtual machine of this host's KVM, from its first instruction to its end.

import CKVM
import GuestImages
import GuestMem
import KVM
import MMU
import Probe

/// A KVM device on which kernels are booted, each in a virtual machine with one vCPU.
package struct KVMBoot: ~Copyable {
  private let device: Device
  private let processor: SupportedProcessor

  /// What CR2 holds before the first page fault: an address that is not canonical, which no page fault
  /// can report.
  static let initialCR2: UInt64 = UInt64(KVMPT_INITIAL_CR2)
  /// So often a guest is seen to come back to one fault before it is one for ever.
  private static let roundLimit = 5

  /// Opens the device.
  ///
  /// - Throws: ``BootError/machine(_:)``.
  package init(devicePath: String = "/dev/kvm") throws(BootError) {
    let opened = try Self.open(devicePath)
    device = opened.device
    processor = opened.processor
  }

  private struct Opened: ~Copyable {
    let device: Device
    let processor: SupportedProcessor
  }

  private static func open(_ path: String) throws(BootError) -> Opened {
    do throws(KVMError) {
      let device = try Device(path: path)
      let processor = try device.supportedProcessor()
      return Opened(device: device, processor: processor)
    } catch {
      throw .machine(.kvm(error))
    }
  }

  /// The processor that a guest has.
  package var model: ProcessorModel {
    ProcessorModel(
      physicalAddressWidth: processor.physicalAddressWidth,
      supports1GiBPages: processor.has1GiBPages, vendor: processor.vendor)
  }

  /// Boots a kernel and waits for its end; as ``QEMUBoot/run(_:_:output:isStopRequested:)``.
  ///
  /// - Throws: ``BootError/machine(_:)`` when KVM fails.
  package func run(
    _ image: borrowing BootImage, _ options: BootOptions,
    output: @escaping ([UInt8]) -> Void = { _ in }, isStopRequested: () -> Bool = { false }
  ) throws(BootError) -> BootOutcome {
    do throws(KVMError) {
      return try boot(image, options, GuestOutput(output), isStopRequested)
    } catch {
      throw .machine(.kvm(error))
    }
  }

  private func boot(
    _ image: borrowing BootImage, _ options: BootOptions, _ kept: GuestOutput,
    _ isStopRequested: () -> Bool
  ) throws(KVMError) -> BootOutcome {
    let machine = try device.makeVirtualMachine()
    let memory = image.memory.view
    machine.reserveHostPages(at: GuestPhysicalAddress(truncating: 0xfeff_c000))
    // SAFETY: the image outlives the machine, and the range is the whole of its memory.
    try unsafe machine.setMemorySlot(
      0, at: GuestPhysicalAddress(truncating: 0), memory: memory.baseAddress,
      byteCount: memory.byteCount)
    var cpu = try machine.makeVirtualCPU()
    try cpu.setProcessor(processor)
    let start = StartRegisters(image.start, handoverAddress: image.handoverAddress)
    try cpu.setSpecialRegisters(start.special(try cpu.specialRegisters()))
    try cpu.setRegisters(start.general)
    var outcome = BootOutcome(end: .timeLimit, processor: model, machine: "KVM")
    outcome.initialCR2 = Self.initialCR2
    let begin = ContinuousClock.now
    var devices = BootDevices(output: kept)
    outcome.end = try Self.run(
      &cpu, image.memory, model, deadline: begin + options.timeLimit, &devices, isStopRequested)
    outcome.duration = ContinuousClock.now - begin
    outcome.output = devices.output.last
    let registers = GuestRegisters(try cpu.registers(), try cpu.specialRegisters())
    if outcome.end == .tripleFault && registers.isReset {
      outcome.areRegistersErased = true
    } else if case .guestExit = outcome.end {
    } else {
      outcome.registers = registers
    }
    return outcome
  }

  private static func run(
    _ cpu: inout VirtualCPU, _ memory: borrowing GuestMemory, _ model: ProcessorModel,
    deadline: ContinuousClock.Instant, _ devices: inout BootDevices, _ isStopRequested: () -> Bool
  ) throws(KVMError) -> BootEnd {
    var watch = RepeatedFault()
    while true {
      let left = deadline - ContinuousClock.now
      guard left > .zero else { return .timeLimit }
      if isStopRequested() { return .interrupted }
      switch try cpu.run(limit: min(left, watch.interval)) {
      case .portWrite(let port, let byteCount, let value):
        let bytes = cpu.portBytes
        if let end = devices.write(bytes, byteCount, value, to: port) { return end }
      case .portRead(let port, _): cpu.answerPortRead(devices.read(from: port))
      case .mmioWrite: break
      // No device answers.
      case .mmioRead: cpu.answerMMIORead(.max)
      // There is no source of interrupts.
      case .halted: return .halted
      case .shutdown: return .tripleFault
      case .internalError(let suberror):
        return suberror == 1 ? .cannotExecute : .machineError(UInt64(suberror))
      case .entryFailed(let reason): return .machineError(reason)
      case .other(let reason): return .machineError(UInt64(reason))
      // Whoever kicks it wants to be heard.
      case .kicked: continue
      case .timeLimitReached:
        let registers = GuestRegisters(try cpu.registers(), try cpu.specialRegisters())
        if watch.isForEver(registers, memory, model, limit: roundLimit) { return .endlessFault }
      }
    }
  }
}

extension GuestRegisters {
  /// The state after RESET or INIT, in which kvm_amd leaves a processor that had a triple fault.
  ///
  /// Source: Intel SDM volume 3A, table 10-1; Linux, arch/x86/kvm/svm/svm.c (shutdown_interception).
  var isReset: Bool { rip == 0xfff0 && cr0 & 1 == 0 && cr3 == 0 && cs.base == 0xffff_0000 }
}
