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

  /// How long a trial for a fault that comes for ever may take.
  private static let trialLimit: Duration = .milliseconds(500)

  /// How long a replay may take; nil for what the guest's own time makes sensible.
  private let ownReplayLimit: Duration?

  /// How long a replay of a guest may take that lived for `duration`: it runs some twenty times.
  private func replayLimit(_ duration: Duration) -> Duration {
    ownReplayLimit ?? min(max(.seconds(20), duration * 20), .seconds(60))
  }

  /// Registers are taken away at each triple fault, as kvm_amd does.
  private let erasesRegisters: Bool

  /// Opens the device; with `erasesRegisters` every KVM is used as if it were kvm_amd.
  ///
  /// - Throws: ``BootError/machine(_:)``.
  package init(
    devicePath: String = "/dev/kvm", erasesRegisters: Bool = false, replayLimit: Duration? = nil
  ) throws(BootError) {
    let opened = try Self.open(devicePath)
    self.erasesRegisters = erasesRegisters
    ownReplayLimit = replayLimit
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
    let start = StartRegisters(image.start, handoverAddress: image.handoverAddress)
    // Without memory for a copy the kernel is booted all the same.
    let replay = TripleFaultReplay(image.memory, start, isNeeded: mayEraseRegisters)
    var guest = try KVMGuest(device, processor, memory: image.memory.view, output: kept)
    try guest.enter(start)
    var outcome = BootOutcome(end: .timeLimit, processor: model, machine: "KVM")
    outcome.initialCR2 = Self.initialCR2
    let begin = ContinuousClock.now
    let (end, found) = try watched(
      &guest, image.memory, deadline: begin + options.timeLimit, isStopRequested)
    outcome.end = end
    outcome.duration = ContinuousClock.now - begin
    outcome.output = guest.devices.output.last
    if case .guestExit = end { return outcome }
    let registers: GuestRegisters
    if let found { registers = found } else { registers = try guest.registers }
    guard end == .tripleFault, erasesRegisters || registers.isReset else {
      outcome.registers = registers
      return outcome
    }
    outcome.areRegistersErased = true
    outcome.registers = self.registers(from: replay, after: outcome.duration, isStopRequested)
    return outcome
  }

  /// True where a triple fault may take the registers away: kvm_amd does.
  private var mayEraseRegisters: Bool {
    if erasesRegisters { return true }
    switch TableWalker.ofHost() {
    case .ept, .pvm, .tcg: return false
    case .npt, .shadowPaging, .unknown: return model.vendor == .amd
    }
  }

  /// How the guest ended; with the registers at the fault, where that is one for ever.
  private func watched(
    _ guest: inout KVMGuest, _ memory: borrowing GuestMemory, deadline: ContinuousClock.Instant,
    _ isStopRequested: () -> Bool
  ) throws(KVMError) -> (BootEnd, GuestRegisters?) {
    var watch = FaultWatch()
    while true {
      let left = deadline - ContinuousClock.now
      guard left > .zero else { return (.timeLimit, nil) }
      if isStopRequested() { return (.interrupted, nil) }
      switch try guest.advance(limit: min(left, watch.interval)) {
      case .ended(let end): return (end, nil)
      case .stepped: continue
      case .timeLimitReached: break
      }
      let start = ContinuousClock.now
      let current = try guest.registers
      if watch.isDue(current) {
        let found = registersAtFault(guest, memory, limit: min(left, Self.trialLimit))
        if let found { return (.endlessFault, found) }
      }
      watch.looked(for: ContinuousClock.now - start)
    }
  }

  /// What a trial of the guest in a copy finds; nothing where the host refuses one, for want of memory or
  /// because a part of the processor's state cannot be set.
  private func registersAtFault(
    _ guest: borrowing KVMGuest, _ memory: borrowing GuestMemory, limit: Duration
  ) -> GuestRegisters? {
    let copy: GuestMemory
    do throws(GuestMemoryError) {
      copy = try memory.contentCopy()
    } catch {
      return nil
    }
    do throws(KVMError) {
      var loop = try FaultLoop(of: guest, memory: copy, device, processor, model)
      return try loop.registersAtFault(limit: limit)
    } catch {
      return nil
    }
  }

  /// The registers before the last instruction of a repetition; nothing where the host refuses one.
  private func registers(
    from replay: TripleFaultReplay, after duration: Duration, _ isStopRequested: () -> Bool
  ) -> GuestRegisters? {
    do throws(KVMError) {
      return try replay.registersBeforeFault(
        device, processor, after: duration, limit: replayLimit(duration), isStopRequested)
    } catch {
      return nil
    }
  }
}

extension GuestRegisters {
  /// The state after RESET or INIT, in which kvm_amd leaves a processor that had a triple fault.
  ///
  /// Source: Intel SDM volume 3A, table 10-1; Linux, arch/x86/kvm/svm/svm.c (shutdown_interception).
  var isReset: Bool { rip == 0xfff0 && cr0 & 1 == 0 && cr3 == 0 && cs.base == 0xffff_0000 }
}
