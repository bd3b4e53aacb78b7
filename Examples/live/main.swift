// LiveExample: two processors read a page each without pause, while the host maps other frames there.
//   swift run LiveExample [SECONDS]
//
// A frame that was taken away says so in its first word as soon as `sync` has returned. A processor that
// still read it would count a stale read, and the end is code 1 then.

import Dispatch
import Glibc
import GuestMem
import KVM
import LiveMem
import MMU
import Synchronization

let usage = "usage: LiveExample [SECONDS], 1 to 3600"
let arguments = CommandLine.arguments.dropFirst()
guard arguments.count <= 1, let seconds = arguments.first.map({ Int($0) }) ?? 5,
  (1...3600).contains(seconds)
else {
  complain(usage)
  exit(64)
}

/// Two frames for each page: one is mapped, the other one is dead.
struct RemappedPage {
  let page: LinearAddress
  let frames: [GuestPhysicalAddress]
  var mapped = 0

  init(_ processor: Int) throws {
    page = try LiveMachine.page(processor)
    frames = (0..<2).map {
      GuestPhysicalAddress(truncating: 8 << 20 + UInt64(2 * processor + $0) << 12)
    }
  }

  /// Maps the other frame, waits until no processor can reach the old one, and lets that die.
  mutating func remap(_ machine: LiveMachine, value: UInt64) throws {
    let old = frames[mapped]
    mapped ^= 1
    let new = frames[mapped]
    machine.memory.storeWord(value, at: new)
    let ticket = try machine.table.withRange(page, byteCount: 4096) {
      range throws(LiveTableError) in
      try range.unmap(page, byteCount: 4096)
      try range.map(
        page, byteCount: 4096, to: new, properties: PageProperties(rights: [.read]))
    }.ticket
    try machine.table.sync(ticket)
    machine.memory.storeWord(GuestProgram.dead, at: old)
  }
}

do {
  let machine = try LiveMachine()
  var pages = try (0..<LiveMachine.processorCount).map(RemappedPage.init)
  for index in pages.indices {
    try machine.table.map(
      pages[index].page, byteCount: 4096, to: pages[index].frames[0],
      properties: PageProperties(rights: [.read]))
  }

  let problems = Mutex<[String]>([])
  let running = DispatchGroup()
  for number in 0..<LiveMachine.processorCount {
    DispatchQueue(label: "vCPU \(number)").async(group: running) {
      if let problem = machine.run(number) { problems.withLock { $0.append(problem) } }
    }
  }

  var remapCount: UInt64 = 0
  var before = [UInt64](repeating: 0, count: LiveMachine.processorCount)
  for second in 1...seconds {
    let end = ContinuousClock.now + .seconds(1)
    var time = Duration.zero
    var count = 0
    while ContinuousClock.now < end {
      let start = ContinuousClock.now
      try pages[count % pages.count].remap(machine, value: remapCount)
      time += ContinuousClock.now - start
      count += 1
      remapCount += 1
    }
    let microseconds = time / .microseconds(1) / Double(count)
    var parts: [String] = []
    for number in 0..<LiveMachine.processorCount {
      let reads = machine.counter(.reads, of: number)
      parts.append(
        "vCPU \(number) read \(reads - before[number]) times,"
          + " \(machine.counter(.faults, of: number)) faults so far")
      before[number] = reads
    }
    let stale = (0..<LiveMachine.processorCount).reduce(0) {
      $0 + machine.counter(.staleReads, of: $1)
    }
    print(
      "\(second) s: \(count) remaps, \((microseconds * 10).rounded() / 10) µs each; "
        + parts.joined(separator: "; ") + "; \(stale) stale reads")
    fflush(nil)
  }

  machine.stop()
  running.wait()
  let stale = (0..<LiveMachine.processorCount).map { machine.counter(.staleReads, of: $0) }
  for problem in problems.withLock({ $0 }) { complain(problem) }
  exit(problems.withLock { $0.isEmpty } && stale.allSatisfy { $0 == 0 } ? 0 : 1)
} catch {
  complain("\(error)")
  exit(69)
}
