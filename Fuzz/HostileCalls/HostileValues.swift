// HostileValues: numbers, addresses and names that no friendly caller passes, from a seed.

import GuestMem
import MMU

/// Values that are likely to break what takes them; the same seed gives the same ones.
struct HostileValues {
  private var state: UInt64
  /// Reports that say "agreement" although nothing was executed, by the call that made them.
  var falseAgreements: [String] = []

  init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 1 }

  /// A random word (SplitMix64).
  mutating func random() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
    return word ^ word >> 31
  }

  /// A number below `count`, which is not 0.
  mutating func below(_ count: Int) -> Int { Int(random() % UInt64(count)) }

  mutating func bool() -> Bool { random() & 1 != 0 }

  /// One of `choices`, of which there are some.
  mutating func one<Value>(of choices: [Value]) -> Value { choices[below(choices.count)] }

  /// A word at an edge: of pages, of tables, of halves, of signs, of 2^52, or any.
  mutating func word() -> UInt64 {
    switch below(10) {
    case 0: return 0
    case 1: return .max
    case 2: return 1 << UInt64(below(64))
    case 3: return (1 << UInt64(below(64))) &- 1
    case 4: return (1 << UInt64(below(64))) &+ 4096
    case 5: return 0 &- 4096 &* UInt64(below(3))
    case 6: return UInt64(below(600)) * 4096
    case 7: return UInt64(below(5000))
    case 8: return random() & 0x000f_ffff_ffff_f000
    default: return random()
    }
  }

  /// The same as a signed number: Int.min, -1 and Int.max among them.
  mutating func number() -> Int {
    switch below(6) {
    case 0: .min
    case 1: .max
    case 2: -1 - below(3)
    case 3: below(3)
    case 4: 511 + below(3)
    default: Int(bitPattern: UInt(word()))
    }
  }

  /// A number of whole pages, mostly few.
  mutating func byteCount() -> UInt64 {
    bool() ? UInt64(below(1100)) * 4096 : word()
  }

  mutating func linear() -> LinearAddress {
    LinearAddress(truncating: word(), width: bool() ? .bits57 : .bits48)
  }

  /// An address in the first pages, where fixtures map, or any.
  mutating func nearLinear() -> LinearAddress {
    bool() ? LinearAddress(truncating: UInt64(below(2048)) << 12, width: .bits48) : linear()
  }

  mutating func physical() -> GuestPhysicalAddress { GuestPhysicalAddress(truncating: word()) }

  mutating func recursiveSlot() -> RecursiveSlot {
    RecursiveSlot(
      index: bool() ? below(512) : number(),
      rights: bool() ? [.read, .write] : PageRights(rawValue: UInt8(truncatingIfNeeded: random())))
  }
  mutating func level() -> Level { one(of: Level.allCases) }
  mutating func pageSize() -> PageSize { one(of: PageSize.allCases) }
  mutating func pageSizes() -> PageSizeChoice { bool() ? .largest : .exactly(pageSize()) }

  mutating func duration() -> Duration {
    switch below(6) {
    case 0: .zero
    case 1: .seconds(-1)
    case 2: .nanoseconds(1)
    case 3: .milliseconds(1)
    case 4: Duration(secondsComponent: .min, attosecondsComponent: 0)
    default: .seconds(-1_000_000_000_000)
    }
  }

  /// A duration that may be as long as there is.
  mutating func anyDuration() -> Duration {
    bool() ? duration() : Duration(secondsComponent: .max, attosecondsComponent: 0)
  }

  mutating func text() -> String {
    one(of: [
      "", "\0", "\n::error::", "\u{1b}[31m", "a", String(repeating: "x", count: 70_000), "=", " ",
      "walk=reserved cpl=3", "0x", "-1", "18446744073709551616", "/", "/dev/null", "\u{fffd}", "…",
    ])
  }

  mutating func bytes(upTo count: Int) -> [UInt8] {
    let length = below(count + 1)
    return (0..<length).map { _ in UInt8(truncatingIfNeeded: random()) }
  }

  mutating func properties() -> PageProperties {
    if bool() {
      return PageProperties(
        leafEntry: random(), level: level(), in: bool() ? .native : .ostd)
    }
    return PageProperties(
      rights: PageRights(rawValue: UInt8(truncatingIfNeeded: random())), isUser: bool(),
      isGlobal: bool(), memoryType: one(of: MemoryType.allCases),
      protectionKey: UInt8(truncatingIfNeeded: random()),
      softwareBits: UInt16(truncatingIfNeeded: random()))
  }

  mutating func change() -> PropertyChange {
    PropertyChange(
      rights: bool() ? nil : PageRights(rawValue: UInt8(truncatingIfNeeded: random())),
      isUser: bool() ? nil : bool(), memoryType: bool() ? nil : one(of: MemoryType.allCases),
      protectionKey: bool() ? nil : UInt8(truncatingIfNeeded: random()),
      softwareBits: bool() ? nil : UInt16(truncatingIfNeeded: random()))
  }

  mutating func paging() throws -> PagingConfiguration {
    try PagingConfiguration(
      rootLevel: bool() ? .pageMapLevel4 : level(),
      physicalAddressWidth: bool() ? 48 : UInt8(truncatingIfNeeded: random()),
      isNoExecuteEnabled: bool(), supports1GiBPages: bool(), vendor: bool() ? .intel : .amd)
  }

  mutating func mode() -> CPUMode {
    var mode = CPUMode(privilege: bool() ? .user : .supervisor)
    mode.isWriteProtectEnabled = bool()
    mode.isSMEPEnabled = bool()
    mode.isSMAPEnabled = bool()
    mode.isPKEEnabled = bool()
    mode.pkru = UInt32(truncatingIfNeeded: random())
    mode.isPKSEnabled = bool()
    mode.pkrs = UInt32(truncatingIfNeeded: random())
    return mode
  }

  mutating func access() -> Access {
    Access(
      one(of: [.read, .write, .fetch]),
      origin: one(of: [.instruction, .stack, .implicitSupervisor])
    )
  }
}
