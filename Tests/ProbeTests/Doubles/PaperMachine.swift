// PaperMachine: a machine without a guest, which works through the agent's records as the model says.
//
// It has every feature on every host and takes no time to start, so that what is compared with it can
// be tested case by case: it lies about the accesses that a test chooses, and notes what it was asked.

import GuestImages
import GuestMem
import KVM
import MMU
import TestHosts

@testable import Probe

/// Makes machines on paper.
struct PaperFactory: MachineFactory {
  var features = Set(MachineFeature.allCases)
  var physicalAddressWidth: UInt8 = 46
  var memoryHoles: [Range<UInt64>] = []
  var workerCount = 1
  /// What the machines do, of what the manual leaves open, and where they lie.
  var habits = PaperHabits()
  /// What they were asked.
  let log = PaperLog()
  let identity = MachineIdentity(
    name: "paper", walker: .unknown, processorName: "none", kernelRelease: "none")
  let vendor = ProcessorVendor.intel
  let vendorName = "GenuineIntel"
  let possibleMeans: [HostChangeMeans] = [.guestFlush]
  let hostChangeMeans = HostChangeMeans.guestFlush

  func promises(_ feature: MachineFeature) -> Bool { features.contains(feature) }

  /// The profile that the machines deserve.
  var profile: MachineProfile {
    MachineProfile(
      identity: identity, vendor: vendor, physicalAddressWidth: physicalAddressWidth,
      features: features, memoryHoles: memoryHoles, deviations: [])
  }

  func makeMachine(
    memory: MachineMemory, agentAddress: UInt64, hostChangeMeans: HostChangeMeans
  ) throws(MachineError) -> any Machine {
    log.noteMachine()
    return try PaperMachine(self, memory, agentAddress)
  }
}

/// A machine on paper.
final class PaperMachine: Machine {
  private let factory: PaperFactory
  private let ramOwner: GuestMemory
  private let agentOwner: GuestMemory
  private let ranges: [MachineMemoryRange]
  let agentAddress: UInt64

  init(
    _ factory: PaperFactory, _ memory: MachineMemory, _ agentAddress: UInt64
  ) throws(MachineError) {
    self.factory = factory
    self.agentAddress = agentAddress
    ramOwner = try memory.privateCopy()
    ranges = memory.ranges
    do throws(GuestMemoryError) {
      agentOwner = try GuestMemory(byteCount: UInt64(KVMPT_SLOT_SIZE), backing: .anonymous)
    } catch {
      throw .memory(error)
    }
  }

  var ram: MemoryView { ramOwner.view }
  var agent: MemoryView { agentOwner.view }
  var memoryHoles: [Range<UInt64>] { factory.memoryHoles }

  func observe(devicesAt frames: [UInt64]) -> Set<UInt64> { Set(frames) }
  func showHostChanges() {}

  func discardChanges() throws(MachineError) {
    factory.log.noteDiscard()
    do throws(GuestMemoryError) {
      try ramOwner.discardChanges()
    } catch {
      throw .memory(error)
    }
  }

  func reset() throws(MachineError) {
    factory.log.noteReset()
    try discardChanges()
  }

  func run(
    _ batch: AgentBatch, deadline: ContinuousClock.Instant
  ) throws(MachineError) -> AgentBatchEnd {
    try batch.check()
    factory.log.noteBatch()
    if let error = factory.habits.failure(batch) { throw error }
    for feature in MachineFeature.allCases
    where feature.isOn(in: batch.state) && !factory.features.contains(feature) {
      throw .kvm(.missingCapability(name: feature.rawValue))
    }
    var run = PaperRun(batch, factory, ProbeMemory(self, ranges: ranges), agent)
    for index in 0..<batch.recordCount {
      if let (death, record) = run.answer(index) { return .died(death, record: record) }
    }
    return .finished(deviceWrites: run.deviceWrites)
  }
}

/// One batch.
private struct PaperRun {
  private let batch: AgentBatch
  private let habits: PaperHabits
  private let log: PaperLog
  private let memory: ProbeMemory
  private let agent: MemoryView
  private let settings: ProcessorSettings
  private let configuration: PagingConfiguration?
  private(set) var deviceWrites: [UInt64: UInt64] = [:]

  init(_ batch: AgentBatch, _ factory: PaperFactory, _ memory: ProbeMemory, _ agent: MemoryView) {
    self.batch = batch
    habits = factory.habits
    log = factory.log
    self.memory = memory
    self.agent = agent
    settings = ProcessorSettings(batch.state)
    configuration = try? PagingConfiguration(
      rootLevel: batch.state.cr4 >> 12 & 1 != 0 ? .pageMapLevel5 : .pageMapLevel4,
      physicalAddressWidth: factory.physicalAddressWidth,
      isNoExecuteEnabled: settings.isNoExecuteEnabled,
      supports1GiBPages: factory.features.contains(.oneGiBPages), vendor: factory.vendor)
  }

  /// Where a word of a record stands.
  private func place(_ index: Int, _ offset: Int32) -> UInt64 {
    UInt64(KVMPT_RECORDS) + UInt64(index) * UInt64(KVMPT_RECORD_SIZE) + UInt64(offset)
  }

  private func load(_ index: Int, _ offset: Int32) -> UInt64 {
    agent.loadWord(at: GuestPhysicalAddress(truncating: place(index, offset))) ?? 0
  }

  private func store(_ word: UInt64, _ index: Int, _ offset: Int32) {
    agent.storeWord(word, at: GuestPhysicalAddress(truncating: place(index, offset)))
  }

  /// Works through a record; says how the guest died where it did.
  mutating func answer(_ index: Int) -> (GuestDeath, Int?)? {
    let asked = load(index, KVMPT_RECORD_ADDRESS)
    let access: Access
    var address = asked
    switch batch.loop {
    // There is nothing that is kept between accesses.
    case .invalidate, .loadCR0, .loadCR3, .loadCR4: return nil
    case .read: access = Access(.read)
    case .pop: access = Access(.read, origin: .stack)
    case .write, .lockedOr, .store: access = Access(.write)
    case .push, .call:
      access = Access(.write, origin: .stack)
      address = asked &- 8
    case .fetch: access = Access(.fetch)
    case .descriptor:
      access = Access(.read, origin: .implicitSupervisor)
      address = descriptorBase &+ (load(index, KVMPT_RECORD_VALUE) & ~7)
    }
    guard let configuration else { return (.emulationFailure, index) }
    let border = (address | 0xfff) &+ 1
    let mode = settings.mode(at: batch.privilege)
    let walks = (address & 0xfff > 0xff8 ? [address, border] : [address]).map {
      Walk($0, cr3: batch.cr3, configuration: configuration, in: memory)
    }
    let predictions = walks.map {
      $0.predict(access, mode: mode, configuration: configuration)
    }
    let failures = predictions.indices.filter { index in
      if case .success = predictions[index].outcome { false } else { true }
    }
    let failing = habits.reportsSecondPage ? failures.last : failures.first
    let told = PaperAccess(
      loop: batch.loop, privilege: batch.privilege, address: address, state: batch.state,
      record: index, outcome: predictions[failing ?? 0].outcome,
      words: walks[failing ?? 0].steps.map(\.entry.rawValue))
    log.note(told)
    let lie = habits.lie(told)
    switch lie {
    case .dies(let death, let record): return (death, record)
    case .fault(let vector, let code):
      fault(index, vector: vector, code: code, cr2: address)
      return nil
    case .nothing: return nil
    case .sets(let bits, let address):
      let place = GuestPhysicalAddress(truncating: address)
      memory.storeWord((memory.loadWord(at: place) ?? 0) | bits, at: place)
    case .value, .lacks, .lacksAbove, nil: break
    }
    if let failing {
      fail(index, access, walks, predictions, failing, at: failing == 0 ? address : border)
      return nil
    }
    for (walk, prediction) in zip(walks, predictions) { mark(walk, prediction, lie) }
    let frames = predictions.map { prediction -> UInt64 in
      if case .success(let address) = prediction.outcome { address.rawValue } else { 0 }
    }
    perform(index, frames, asked: address)
    if case .value(let value)? = lie { store(value, index, KVMPT_RECORD_VALUE) }
    return nil
  }

  /// Where the local descriptor table begins.
  private var descriptorBase: UInt64 {
    let place = UInt64(KVMPT_GDT) + UInt64(KVMPT_LDT_SELECTOR)
    let low = agent.loadWord(at: GuestPhysicalAddress(truncating: place)) ?? 0
    let high = agent.loadWord(at: GuestPhysicalAddress(truncating: place + 8)) ?? 0
    return low >> 16 & 0xff_ffff | (low >> 56) << 24 | high << 32
  }

  private func fault(_ index: Int, vector: UInt64, code: UInt64, cr2: UInt64) {
    store(code, index, KVMPT_RECORD_ERROR)
    store(vector == 14 ? cr2 : 0, index, KVMPT_RECORD_CR2)
    store(vector, index, KVMPT_RECORD_VECTOR)
  }

  private func fail(
    _ index: Int, _ access: Access, _ walks: [Walk], _ predictions: [AccessPrediction],
    _ failing: Int, at address: UInt64
  ) {
    switch predictions[failing].outcome {
    case .pageFault(let code):
      fault(index, vector: 14, code: UInt64(code.rawValue), cr2: address)
    case .stackFault: fault(index, vector: 12, code: 0, cr2: 0)
    case .generalProtection, .success: fault(index, vector: 13, code: 0, cr2: 0)
    }
    if habits.marksOnFault {
      for step in walks[failing].steps
      where predictions[failing].maySetAccessed.contains(step.level) {
        set(PageTableEntry.Bit.accessed, at: step.entryAddress)
      }
    }
    if failing == 1, habits.marksFirstPage { mark(walks[0], predictions[0], nil) }
    guard habits.readsBeforeLockedWrite, batch.loop == .lockedOr, failing == 0, let configuration
    else { return }
    let read = walks[0].predict(
      Access(.read), mode: settings.mode(at: batch.privilege), configuration: configuration)
    if case .success = read.outcome { mark(walks[0], read, nil) }
  }

  /// Sets A and D as a successful access does.
  private func mark(_ walk: Walk, _ prediction: AccessPrediction, _ lie: PaperLie?) {
    let last = walk.stepCount - 1
    for (position, step) in walk.steps.enumerated() {
      var bits: UInt64 = 0
      if prediction.mustSetAccessed.contains(step.level) { bits |= PageTableEntry.Bit.accessed }
      if prediction.mustSetDirty == step.level { bits |= PageTableEntry.Bit.dirty }
      switch lie {
      case .lacks(let lacking)? where position == last: bits &= ~lacking
      case .lacksAbove? where position < last: bits = 0
      default: break
      }
      set(bits, at: step.entryAddress)
    }
  }

  private func set(_ bits: UInt64, at place: GuestPhysicalAddress) {
    let word = memory.loadWord(at: place) ?? 0
    if word & bits != bits { memory.storeWord(word | bits, at: place) }
  }

  private mutating func perform(_ index: Int, _ frames: [UInt64], asked: UInt64) {
    let alias = batch.privilege == .user ? UInt64(KVMPT_USER_ALIAS) : 0
    switch batch.loop {
    case .read, .pop: store(bytes(at: frames), index, KVMPT_RECORD_VALUE)
    case .write, .push: write(batch.windowAddress + alias + place(index, 0), at: frames)
    // What a call pushes is the same for every record.
    case .call: write(batch.windowAddress + 1, at: frames)
    case .store: write(load(index, KVMPT_RECORD_VALUE), at: frames)
    case .fetch:
      // `movabs` and a jump back, or the jump alone.
      let isLoad = bytes(at: frames) & 0xffff == 0xb848
      store(
        isLoad ? bytes(at: [frames[0] + 2]) : asked, index, KVMPT_RECORD_VALUE)
    case .descriptor:
      let descriptor = bytes(at: frames)
      let limit = descriptor & 0xffff | (descriptor >> 48 & 0xf) << 16
      store(descriptor >> 47 & 1 != 0 ? limit : .max, index, KVMPT_RECORD_VALUE)
    case .lockedOr, .invalidate, .loadCR0, .loadCR3, .loadCR4: break
    }
  }

  /// Where a byte of an access is.
  private func place(_ frames: [UInt64], _ byte: UInt64) -> UInt64 {
    let inPage = 0x1000 - (frames[0] & 0xfff)
    return frames.count < 2 || byte < inPage ? frames[0] + byte : frames[1] + (byte - inPage)
  }

  /// Eight bytes; where there is no memory, the page's address, as the host answers.
  private func bytes(at frames: [UInt64]) -> UInt64 {
    guard memory.kind(of: frames[0]) != .none else { return frames[0] & ~0xfff }
    return (0..<UInt64(8)).reduce(0) { value, byte in
      let address = place(frames, byte)
      let word = memory.loadWord(at: GuestPhysicalAddress(truncating: address & ~7)) ?? 0
      return value | (word >> (8 * (address & 7)) & 0xff) << (8 * byte)
    }
  }

  private mutating func write(_ value: UInt64, at frames: [UInt64]) {
    guard memory.kind(of: frames[0]) != .none else {
      deviceWrites[value] = frames[0]
      return
    }
    for byte in 0..<UInt64(8) {
      let address = place(frames, byte)
      let aligned = GuestPhysicalAddress(truncating: address & ~7)
      let shift = 8 * (address & 7)
      let word = memory.loadWord(at: aligned) ?? 0
      memory.storeWord(
        word & ~(0xff << shift) | (value >> (8 * byte) & 0xff) << shift, at: aligned)
    }
  }
}
