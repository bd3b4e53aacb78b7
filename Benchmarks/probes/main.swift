// MeasureProbes: how long a probe takes in its guest, and a proof from the start of the program.
//   swift run -c release MeasureProbes KVMPT FILE
//
// The yardsticks, in the same rounds: one exit of a guest that does nothing else, and a guest that is
// made, runs once and ends, after a program that does nothing. A busy host slows both; of each the
// shortest time of some rounds counts. The end is code 1 where a ratio is above its limit.

import Glibc
import GuestMem
import KVM
import MMU
import Probe
import TestImages

/// A kind of pages, and how many exits of a guest one of their probes may take, as the mean of reads,
/// writes and fetches at CPL 0 and 3.
struct Kind {
  let name: String
  let first: UInt64
  let properties: PageProperties
  let limit: Double

  /// 10,000 pages.
  var space: AddressSpace {
    AddressSpace(
      memoryByteCount: 64 << 20,
      mappings: [
        Mapping(
          name: name, linearAddress: LinearAddress(truncating: first, width: .bits48),
          byteCount: 10_000 << 12, properties: properties, pageSize: .exactly(.size4KiB))
      ])
  }
}

let kinds = [
  Kind(
    name: "supervisor pages", first: 0xffff_ffff_8000_0000,
    properties: PageProperties(rights: [.read, .write]), limit: 3),
  Kind(
    name: "user pages", first: 0x40_0000,
    properties: PageProperties(rights: [.read, .write, .execute], isUser: true), limit: 1.5),
]
/// How many times a program with one guest the main job may take.
let startLimit = 14.0
let roundCount = 5

/// The time of one exit, the mean of many.
func exitTime() throws -> Duration {
  // out %al, $0x42; jmp to it
  let guest = try TestGuest(code: [0xe6, 0x42, 0xeb, 0xfc])
  let count = 5000
  return try ContinuousClock().measure {
    for _ in 0..<count {
      guard case .portWrite = try guest.cpu.run(limit: .seconds(60)) else {
        throw MeasurementError.unexpectedExit
      }
    }
  } / count
}

/// The time of a guest from its making to its first exit.
func guestTime() throws -> Duration {
  try ContinuousClock().measure {
    let guest = try TestGuest(code: [0xf4])
    guard case .halted = try guest.cpu.run(limit: .seconds(60)) else {
      throw MeasurementError.unexpectedExit
    }
  }
}

enum MeasurementError: Error {
  case unexpectedExit, disagreement, notStarted
}

/// The time of a probe in its guest.
func probeTime(_ kind: Kind) throws -> Duration {
  let report = try Verifier().verify(kind.space)
  guard report.isAgreement, report.total.executedCount >= 60_000 else {
    throw MeasurementError.disagreement
  }
  return report.times.guest / report.total.executedCount
}

/// The time of a program from its start to its end, which must be code 0.
func programTime(_ words: [String]) throws -> Duration {
  try ContinuousClock().measure {
    // SAFETY: the copies are freed after the call that reads them; the list ends with null.
    var list = unsafe words.map { unsafe strdup($0) } + [nil]
    defer { unsafe list.forEach { unsafe free($0) } }
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    var child: pid_t = 0
    var status: Int32 = 0
    guard unsafe posix_spawn(&child, words[0], &actions, nil, &list, nil) == 0 else {
      throw MeasurementError.notStarted
    }
    // SAFETY: `status` outlives the call.
    while unsafe waitpid(child, &status, 0) < 0 && errno == EINTR {}
    guard status == 0 else { throw MeasurementError.notStarted }
  }
}

guard CommandLine.arguments.count == 3 else {
  print("usage: MeasureProbes KVMPT FILE")
  exit(64)
}
let program = CommandLine.arguments[1]
let file = CommandLine.arguments[2]

var exits: [Duration] = []
var guests: [Duration] = []
var idle: [Duration] = []
var proofs: [Duration] = []
var probes = [[Duration]](repeating: [], count: kinds.count)
for _ in 0..<roundCount {
  exits.append(try exitTime())
  for (index, kind) in kinds.enumerated() { probes[index].append(try probeTime(kind)) }
  for _ in 0..<4 {
    guests.append(try guestTime())
    idle.append(try programTime([program, "--version"]))
    proofs.append(try programTime([program, "verify", file]))
  }
}

/// A time in microseconds.
func words(_ time: Duration) -> String { "\(Int((time / .microseconds(1)).rounded())) µs" }

/// Prints a ratio; false where it is above the limit.
func isWithin(_ limit: Double, _ name: String, _ time: Duration, _ yardstick: Duration) -> Bool {
  let ratio = time / yardstick
  let rounded = (ratio * 100).rounded() / 100
  print("\(name): \(words(time)), \(rounded) times \(words(yardstick)), limit \(limit) times")
  return ratio <= limit
}

let exitYardstick = exits.min() ?? .zero
var isFast = true
for (kind, times) in zip(kinds, probes) {
  let time = times.min() ?? .zero
  if !isWithin(kind.limit, "a probe of \(kind.name)", time, exitYardstick) { isFast = false }
}
let start = (idle.min() ?? .zero) + (guests.min() ?? .zero)
if !isWithin(startLimit, "start to verdict", proofs.min() ?? .zero, start) { isFast = false }
exit(isFast ? 0 : 1)
