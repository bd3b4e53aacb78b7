// The QEMU program: how it is found, how its end is told, and its machine's odd cases.

import CLinux
import Glibc
import GuestImages
import GuestMem
import MMU
import TestHosts
import TestImages
import Testing

@testable import Probe

@Suite("A program that is to be QEMU is found, and its end is told")
struct QEMUProgramTests {
  @Test("a name is looked for on PATH, a path is taken, and what is neither is named")
  func find() throws {
    let shell = try QEMUSettings.find("sh")
    #expect(shell.hasSuffix("/sh") && shell.hasPrefix("/"))
    #expect(try QEMUSettings.find(shell) == shell)
    for (name, error) in [
      ("", .notFound(name: "program without a name")),
      ("a\0b", .notFound(name: "program without a name")),
      ("kvmpt-has-no-such-program", .notFound(name: "kvmpt-has-no-such-program")),
      ("/no/such/program", .notExecutable(path: "/no/such/program")),
      ("/bin/sh\0", .notExecutable(path: "/bin/sh\0")),
    ] as [(String, QEMUError)] {
      #expect(throws: error) { try QEMUSettings.find(name) }
      #expect(throws: MachineError.qemu(error)) { _ = try QEMUMachineFactory(path: name) }
    }
  }

  /// A shell script that is run in place of QEMU.
  private static func script(_ lines: String) throws -> ImageFile {
    let file = ImageFile()
    let bytes = [UInt8](("#!/bin/sh\n" + lines + "\n").utf8)
    // SAFETY: Swift passes strings and buffers that live for the calls.
    let descriptor = unsafe open(file.path, O_WRONLY | O_CREAT | O_TRUNC, 0o755)
    try #require(descriptor >= 0)
    // SAFETY: as above.
    let count = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
    close(descriptor)
    try #require(count == bytes.count)
    return file
  }

  @Test(
    "a program that ends says how it ended, and its last line",
    arguments: [
      ("exit 3", "ended with exit code 3", ""),
      (
        "echo first >&2; echo 'the last line' >&2; exit 0", "ended with exit code 0",
        "the last line"
      ),
      ("echo words >&2; kill -9 $$", "was killed by signal 9", "words"),
      ("kill -15 $$", "was killed by signal 15", ""),
    ])
  func end(_ lines: String, _ how: String, _ reason: String) throws {
    let script = try Self.script(lines)
    let factory = try QEMUMachineFactory(path: script.path)
    let machine = try factory.makeMachine(
      memory: MachineMemory(zeroed: 1 << 20), agentAddress: 3 << 33)
    let error = MachineError.qemu(.ended(path: script.path, how: how, reason: reason))
    #expect(throws: error) { try WindowProbe(machine, rootIndex: 255, .pageMapLevel4).run() }
    #expect(error.isAboutTheMachine)
  }

  @Test("memory above 1 TiB is left out, and a device there cannot be seen")
  func limit() throws {
    let factory = try QEMUMachineFactory(path: "/bin/sh")
    #expect(factory.memoryLimit == 1 << 40)
    #expect(factory.memoryHoles == [3 << 30..<1 << 32])
    let memory = try QEMUMemory(MachineMemory(zeroed: 1 << 20), agentAddress: 3 << 33)
    for (frame, width, isSeen) in [
      (1 << 30, 48, true), (1 << 40 - 4096, 48, true), (1 << 40, 48, false),
      (1 << 36, 36, false), (1 << 36 - 4096, 36, true), (3 << 30, 48, false),
      (1 << 32 - 4096, 48, false), (1 << 32, 48, true),
    ] as [(UInt64, UInt8, Bool)] {
      #expect(
        try memory.observe(frame, physicalAddressWidth: width) == isSeen,
        "\(HexadecimalNumber(frame))")
    }
  }

  @Test("a child that no thread can be had for is an error, and never a process")
  func launcherWithoutThread() async {
    await #expect(processExitsWith: .success) {
      // A stack for one more thread does not fit any more.
      var limit = rlimit(rlim_cur: 0, rlim_max: 0)
      // SAFETY: the structure is a variable of this call.
      guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0 else { exit(2) }
      limit.rlim_cur = 1 << 20
      // SAFETY: as above.
      guard unsafe setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0 else { exit(3) }
      let id = ChildLauncher.shared.start(
        ChildRequest(path: "/bin/true", arguments: [], errorOutput: 2, keptDescriptors: []))
      limit.rlim_cur = limit.rlim_max
      // SAFETY: as above.
      _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
      if id > 0 { exit(4) }
      if id != Int64(-EAGAIN) { exit(5) }
    }
  }
}

@Suite("QEMU's guest is found where it is", .enabled(if: Host.hasQEMU, "\(Host.qemuReason)"))
struct QEMUGuestTests {
  @Test("one machine goes from four levels to five and back, in the same window")
  func otherRootLevel() throws {
    let machine = try QEMUMachineFactory().makeMachine(
      memory: MachineMemory(zeroed: 1 << 20), agentAddress: 3 << 33)
    for level in [Level.pageMapLevel4, .pageMapLevel5, .pageMapLevel4] {
      // The first root entry begins at address 0 with both.
      try WindowProbe(machine, rootIndex: 0, level).run()
    }
  }

  /// A guest whose page holds code.
  private static func guest(_ code: [UInt8]) throws -> AgentLoopTests.Guest {
    let guest = try AgentLoopTests.Guest(on: QEMUMachineFactory())
    let memory = guest.experiment.memory
    let walk = Walk(
      AgentLoopTests.page, cr3: guest.experiment.slot.rootAddress,
      configuration: guest.experiment.setup.configuration, in: memory)
    let step = try #require(walk.lastStep)
    memory.storeWord(step.entry.rawValue & ~(1 << 63 | 4), at: step.entryAddress)
    FrameStamp.write(to: guest.frame, in: guest.machine.ram)
    guest.machine.ram.writeBytes(
      code, at: GuestPhysicalAddress(truncating: guest.frame + 0x100))
    return guest
  }

  private static func end(
    _ guest: AgentLoopTests.Guest, _ offsets: [UInt64], within time: Duration
  ) throws -> AgentBatchEnd {
    let records = AgentRecords(in: guest.machine.agent)
    for (index, offset) in offsets.enumerated() {
      records.ask(AgentLoopTests.page + offset, at: index)
    }
    return try guest.machine.run(
      AgentBatch(
        loop: .fetch, privilege: .supervisor, recordCount: offsets.count,
        cr3: guest.experiment.slot.rootAddress,
        windowAddress: guest.experiment.slot.windowAddress,
        state: ProcessorState(guest.experiment.setup.settings, rootLevel: .pageMapLevel4)),
      deadline: ContinuousClock.now + time)
  }

  @Test("a guest that dies says at which record it was", arguments: 0..<4)
  func recordOfDeath(_ fatal: Int) throws {
    // xor %esp, %esp; ud2
    let guest = try Self.guest([0x31, 0xe4, 0x0f, 0x0b])
    let stub = UInt64(KVMPT_STAMP_FETCH)
    guard case .finished = try Self.end(guest, [stub], within: .seconds(300)) else {
      Issue.record("the stub does not come back")
      return
    }
    let offsets = (0..<4).map { $0 == fatal ? 0x100 : stub }
    let end = try Self.end(guest, offsets, within: .seconds(300))
    guard case .died(.shutdown, let record) = end else {
      Issue.record("\(end)")
      return
    }
    #expect(record == fatal)
  }

  @Test("a guest that runs at the deadline has not failed, and neither has its monitor")
  func deadline() throws {
    let guest = try Self.guest([0xeb, 0xfe])
    let stub = UInt64(KVMPT_STAMP_FETCH)
    _ = try Self.end(guest, [stub], within: .seconds(300))
    guard case .unfinished = try Self.end(guest, [stub, 0x100, stub], within: .milliseconds(700))
    else {
      Issue.record("the guest came to an end")
      return
    }
  }
}

/// One probe of an unmapped address on a machine without tables, through a window of any root entry.
private struct WindowProbe {
  let machine: any Machine
  let rootIndex: Int
  let rootLevel: Level

  init(_ machine: any Machine, rootIndex: Int, _ rootLevel: Level) {
    self.machine = machine
    self.rootIndex = rootIndex
    self.rootLevel = rootLevel
  }

  func run() throws {
    let slot = AgentSlot(
      physicalAddress: machine.agentAddress, rootIndex: rootIndex, rootLevel: rootLevel)
    let settings = ProcessorSettings()
    let agent = AgentMemory(
      view: machine.agent, slot: slot, rootLevel: rootLevel, settings: settings)
    agent.write()
    let root = slot.rootAddress - slot.physicalAddress
    machine.agent.fill(at: GuestPhysicalAddress(truncating: root), byteCount: 4096)
    machine.agent.storeWord(
      agent.rootEntry, at: GuestPhysicalAddress(truncating: root + UInt64(rootIndex) * 8))
    let records = AgentRecords(in: machine.agent)
    let address: UInt64 = 5 << 40 | 0x1008
    records.ask(address, at: 0)
    let end = try machine.run(
      AgentBatch(
        loop: .read, privilege: .supervisor, recordCount: 1, cr3: slot.rootAddress,
        windowAddress: slot.windowAddress,
        state: ProcessorState(settings, rootLevel: rootLevel)),
      deadline: ContinuousClock.now + .seconds(300))
    guard case .finished = end else {
      Issue.record("the batch did not finish: \(end)")
      return
    }
    #expect(records.answer(at: 0).errorCode == 0 && records.answer(at: 0).cr2 == address)
  }
}
