// Processors that read and write pages without pause, while threads map, unmap, protect and remap them.

import GuestMem
import KVM
import LiveMem
import MMU
import Synchronization
import TestHosts
import TestSupport
import Testing

@testable import Probe

@Suite("Processors on tables that threads change", .serialized)
struct LiveGuestTests {
  /// A thread that owns some pages, and two frames for each.
  private struct Editor {
    let pages: LivePages
    let own: Range<Int>
    var random: SeededGenerator
    /// The frame that each page is mapped to.
    var mapped: [Int: Int] = [:]
    /// Pages that are read-only, with what their second word must stay.
    var readOnly: Set<Int> = []
    var syncs = true

    init(_ pages: LivePages, own: Range<Int>, seed: UInt64) {
      self.pages = pages
      self.own = own
      random = SeededGenerator(seed: seed)
      for page in own { for frame in frames(of: page) { retire(frame) } }
    }

    private func frames(of page: Int) -> [Int] { [1 + 2 * page, 2 + 2 * page] }

    /// Nobody maps the frame: says so in it.
    private func retire(_ frame: Int) {
      pages.view.storeWord(LivePages.untouched, at: pages.place(frame, 1))
      pages.view.storeWord(LivePages.dead, at: pages.place(frame))
    }

    /// The frame of a page that is to be mapped, ready to be read.
    private func revive(_ page: Int) -> Int {
      let frame = frames(of: page)[mapped[page] == frames(of: page)[0] ? 1 : 0]
      if pages.view.loadWord(at: pages.place(frame, 1)) != LivePages.untouched {
        pages.note { $0.staleWrites += 1 }
      }
      pages.view.storeWord(LivePages.untouched, at: pages.place(frame, 1))
      pages.view.storeWord(UInt64(frame), at: pages.place(frame))
      return frame
    }

    private func check(removed page: RemovedPage?, _ frame: Int) {
      let isWritten = pages.view.loadWord(at: pages.place(frame, 1)) != LivePages.untouched
      pages.note {
        if isWritten && page?.isDirty != true { $0.lostDirt += 1 }
        if page?.isDirty == true { $0.dirty += 1 }
      }
      retire(frame)
    }

    /// A thread that gets no processor keeps its locks for as long; a host that is busy is not in error.
    private static let patience = Patience(nanoseconds: 300_000_000_000)

    mutating func edit() throws {
      let page = own.lowerBound + random.index(below: own.count)
      let address = pages.address(page)
      let old = mapped[page]
      if readOnly.contains(page), let old,
        pages.view.loadWord(at: pages.place(old, 1)) != LivePages.untouched
      {
        pages.note { $0.staleWrites += 1 }
        pages.view.storeWord(LivePages.untouched, at: pages.place(old, 1))
      }
      var removed: RemovedPage?
      switch (old, random.below(4)) {
      case (nil, _):
        let frame = revive(page)
        try pages.table.map(
          address, byteCount: 4096, to: pages.place(frame), properties: LivePages.properties,
          patience: Self.patience)
        mapped[page] = frame
      case (let old?, 0):
        let ticket = try pages.table.unmap(
          address, byteCount: 4096, patience: Self.patience
        ) { removed = $0 }.ticket
        if syncs { try pages.table.sync(ticket, patience: Self.patience) }
        // A page that was read-only when its second word was set has no D of that time.
        check(removed: removed, old)
        mapped[page] = nil
        readOnly.remove(page)
      case (let old?, 1):
        let frame = revive(page)
        let ticket = try pages.table.withRange(address, byteCount: 4096, patience: Self.patience) {
          range throws(LiveTableError) in
          try range.unmap(address, byteCount: 4096) { removed = $0 }
          try range.map(
            address, byteCount: 4096, to: pages.place(frame), properties: LivePages.properties)
        }.ticket
        if syncs { try pages.table.sync(ticket, patience: Self.patience) }
        check(removed: removed, old)
        mapped[page] = frame
        readOnly.remove(page)
      case (let old?, _):
        let isReadOnly = !readOnly.contains(page)
        let ticket = try pages.table.protect(
          address, byteCount: 4096,
          change: PropertyChange(rights: isReadOnly ? [.read] : [.read, .write]),
          patience: Self.patience
        ).ticket
        if syncs { try pages.table.sync(ticket, patience: Self.patience) }
        if isReadOnly {
          // What was written before is in the D bit, which stays; from now on nothing is.
          pages.view.storeWord(LivePages.untouched, at: pages.place(old, 1))
          readOnly.insert(page)
        } else {
          readOnly.remove(page)
        }
      }
      pages.note { $0.edits += 1 }
    }
  }

  /// Who takes translations away in a test.
  private enum ProbedFlushing {
    /// The host, by its own mapping of the pages.
    case byHost
    /// Each guest its own, when it is interrupted.
    case byGuests
    /// Nobody, and nobody waits.
    case never
  }

  /// Where the processors are.
  enum Processors {
    /// Two virtual machines under KVM that share their memory, one at CPL 3 and one at CPL 0.
    case kvm
    /// One machine in QEMU's emulator, now at CPL 3 and now at CPL 0.
    case qemu
  }

  /// Lets processors run while two threads make `edits` changes each; at least `accesses` accesses.
  private func run(
    on processors: Processors = .kvm, edits: Int, accesses: Int, pageCount: Int,
    flushing: ProbedFlushing = .byHost
  ) throws -> LivePages.Counts {
    let syncs = flushing != .never
    // Machines under KVM share this memory; that of QEMU's machine is its own.
    let memory = try GuestMemory(byteCount: 16 << 20, backing: .memoryFile)
    let machines: [any KickableMachine]
    let isShadowing: Bool
    switch processors {
    case .kvm:
      let factory = try KVMMachineFactory()
      isShadowing = factory.identity.walker.isShadowing
      let sharing = MachineMemory(sharing: memory)
      // But for guests that are interrupted, nothing is done before a batch to make changes visible: what
      // is seen is the shoot-down's work.
      machines = try (0..<2).map { number in
        try KVMMachine(
          factory, memory: sharing, agentAddress: UInt64(3 + number) << 32,
          hostChangeMeans: flushing == .byGuests ? .guestFlush : .nothing)
      }
    case .qemu:
      isShadowing = true
      machines = [
        try QEMUMachine(
          QEMUMachineFactory(), memory: MachineMemory(zeroed: memory.byteCount),
          agentAddress: memory.byteCount, hostChangeMeans: .nothing)
      ]
    }
    // Made below, because guests begin with what the tables hold.
    let made = Mutex<[Unchecked]>([])
    let set = ProcessorSet<HardwareAccess>(count: machines.count)
    let turn = Mutex(())
    let flusher: Flushing =
      switch flushing {
      case .byHost:
        .byHost(
          try HostMapping(memory),
          settle: {
            guard isShadowing else { return }
            for guest in made.withLock({ $0 }) { try guest.value.settle() }
          })
      case .byGuests:
        // Who changed the tables waits for the guest's answer; without one, `sync` says which guest.
        .byProcessors(kick: { number in
          let guest = made.withLock { $0[number] }
          turn.withLock { _ in
            _ = try? set.handleRequests(number) { _ in try guest.value.dropTranslations() }
          }
        })
      case .never: .byProcessors(kick: { _ in })
      }
    let pages = try LivePages(
      machines[0].ram, pageCount: pageCount, processors: set, flushing: flusher)
    let guests = try machines.map { try LiveGuest($0, root: pages.table.rootAddress) }
    made.withLock { $0 = guests.map(Unchecked.init) }
    for number in guests.indices { try set.activate(number) }
    let seed = TestSetting.seed ?? 0x15_1
    let editorsLeft = Atomic<Int>(2)
    let runners = guests.enumerated().map { number, guest in
      let guest = Unchecked(guest)
      let guestCount = guests.count
      return WorkerThread {
        var random = SeededGenerator(seed: seed &+ 100 &+ UInt64(number))
        var done = 0
        while editorsLeft.load(ordering: .acquiring) > 0 || done < accesses / guestCount {
          let writes = random.once(in: 2)
          let isUser = guestCount == 1 ? random.once(in: 2) : number == 0
          let addresses = (0..<4096).map { _ in
            LivePages.firstAddress + random.below(UInt64(pages.pageCount)) << 12
              + (writes ? 8 : 0)
          }
          do {
            let answers = try guest.value.access(
              addresses, writes ? .write : .read, at: isUser ? .user : .supervisor)
            if let death = answers.death {
              pages.note { $0.problems.append("processor \(number): \(death.message)") }
              return
            }
            let stale = writes ? 0 : answers.values.count { $0 == LivePages.dead }
            pages.note {
              $0.accesses += addresses.count
              $0.faults += answers.faults
              $0.staleReads += stale
            }
            done += addresses.count
          } catch {
            pages.note { $0.problems.append("processor \(number): \(error)") }
            return
          }
        }
      }
    }
    withThreads(2) { number in
      var editor = Editor(
        pages, own: number * pageCount / 2..<(number + 1) * pageCount / 2,
        seed: seed &+ UInt64(number))
      editor.syncs = syncs
      do {
        for _ in 0..<edits { try editor.edit() }
        // A processor may start late: go on until what must be seen is seen.
        let end = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < end,
          pages.counts.withLock({ counts in
            guard counts.problems.isEmpty else { return false }
            return syncs
              ? counts.faults == 0 || counts.dirty == 0
              : isShadowing && counts.staleReads + counts.staleWrites == 0
          })
        {
          try editor.edit()
        }
      } catch {
        pages.note { $0.problems.append("thread \(number): \(error)") }
      }
      editorsLeft.subtract(1, ordering: .acquiringAndReleasing)
    }
    for runner in runners { runner.join() }
    for number in guests.indices { try set.deactivate(number) }
    pages.note { counts in for guest in guests { counts.interrupts += guest.answeredInterrupts } }
    return pages.counts.withLock { $0 }
  }

  private struct Unchecked: @unchecked Sendable {
    let value: LiveGuest
    init(_ value: LiveGuest) { self.value = value }
  }

  /// How many changes and accesses: as the environment says (`KVMPT_LIVE_EDITS`, `KVMPT_LIVE_ACCESSES`),
  /// or as many as these.
  private func scale(edits: Int, accesses: Int) -> (edits: Int, accesses: Int) {
    (
      TestSetting.number("KVMPT_LIVE_EDITS").map { Int(clamping: $0) } ?? edits,
      TestSetting.number("KVMPT_LIVE_ACCESSES").map { Int(clamping: $0) } ?? accesses
    )
  }

  /// Lets the processors run, and expects that nothing was stale and no D bit lost.
  private func expectNothingStale(
    on processors: Processors, edits: Int, accesses: Int, flushing: ProbedFlushing
  ) throws {
    let pageCount =
      TestSetting.number("KVMPT_LIVE_PAGES").map { max(2, min(Int(clamping: $0), 64)) } ?? 8
    let start = ContinuousClock.now
    let counts = try run(
      on: processors, edits: edits / 2, accesses: accesses, pageCount: pageCount,
      flushing: flushing)
    print("live guests, \(processors), \(flushing): \(counts) in \(ContinuousClock.now - start)")
    #expect(counts.problems == [])
    #expect(counts.edits >= edits / 2 * 2 && counts.accesses >= accesses)
    #expect(counts.staleReads == 0)
    #expect(counts.staleWrites == 0)
    #expect(counts.lostDirt == 0)
    // The test could have failed: pages were absent, and were written.
    #expect(counts.faults > 0 && counts.dirty > 0)
    #expect(flushing != .byGuests || counts.interrupts > 0)
  }

  @Test(
    "Nothing stale after sync, and no D bit lost, where the host takes translations away",
    .enabled(if: Host.hasKVM, "needs KVM"))
  func nothingStale() throws {
    let (edits, accesses) = scale(
      edits: TestSetting.depth(4_000, full: 20_000),
      accesses: TestSetting.depth(200_000, full: 1_000_000))
    try expectNothingStale(on: .kvm, edits: edits, accesses: accesses, flushing: .byHost)
  }

  @Test(
    "Nothing stale, and no D bit lost, where guests are interrupted to drop translations",
    .enabled(if: Host.hasKVM, "needs KVM"))
  func nothingStaleByGuests() throws {
    let (edits, accesses) = scale(edits: 2_000, accesses: 100_000)
    if try KVMMachineFactory().identity.walker.isShadowing {
      // A host that shadows tables does not notice what others write to them: the guest's own loads of
      // CR3 drop what the processor has, and leave what the host derived. Every guest answers all the same.
      let counts = try run(edits: edits / 2, accesses: accesses, pageCount: 8, flushing: .byGuests)
      print("live guests, interrupted, tables shadowed: \(counts)")
      #expect(counts.problems == [] && counts.edits >= edits / 2 * 2 && counts.interrupts > 0)
      return
    }
    try expectNothingStale(on: .kvm, edits: edits, accesses: accesses, flushing: .byGuests)
  }

  @Test(
    "Nothing stale, and no D bit lost, in QEMU's emulator",
    .enabled(if: Host.hasQEMU, "needs QEMU"))
  func nothingStaleOnQEMU() throws {
    let (edits, accesses) = scale(
      edits: TestSetting.depth(2_000, full: 10_000),
      accesses: TestSetting.depth(200_000, full: 1_000_000))
    try expectNothingStale(on: .qemu, edits: edits, accesses: accesses, flushing: .byGuests)
  }

  @Test(
    "Without a flush the stale translation is seen in QEMU's emulator",
    .enabled(if: Host.hasQEMU, "needs QEMU"))
  func staleWithoutFlushOnQEMU() throws {
    let (edits, accesses) = scale(edits: 2_000, accesses: 200_000)
    let counts = try run(
      on: .qemu, edits: edits / 2, accesses: accesses, pageCount: 64, flushing: .never)
    print("live guests without a flush, qemu: \(counts)")
    #expect(counts.problems == [])
    #expect(counts.staleReads + counts.staleWrites > 0)
  }

  @Test(
    "Without the flush the stale translation is seen, where translations are cached",
    .enabled(if: Host.hasKVM, "needs KVM"))
  func staleWithoutFlush() throws {
    let (edits, accesses) = scale(edits: 2_000, accesses: 200_000)
    let counts = try run(
      edits: edits / 2, accesses: accesses, pageCount: 64, flushing: .never)
    print("live guests without a flush: \(counts)")
    #expect(counts.problems == [])
    // Nested paging has caches too, but an exit may empty them before anybody looks.
    let isShadowing = try KVMMachineFactory().identity.walker.isShadowing
    #expect(!isShadowing || counts.staleReads + counts.staleWrites > 0)
  }
}
