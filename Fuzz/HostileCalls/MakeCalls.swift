// The child's side: makes calls one after the other and says which on standard output.

import Glibc

/// The calls in the order in which they are made: round after round, some not in every one.
struct CallOrder {
  /// The call with this number.
  static func call(_ number: Int) -> HostileCall {
    var rest = number
    var round = 0
    while true {
      let calls = HostileCall.all.filter { round % $0.interval == 0 }
      if rest < calls.count { return calls[rest] }
      rest -= calls.count
      round += 1
    }
  }
}

/// Makes the calls of `numbers`; says `N` before each, `E N` after one that threw, and `F NAME` for
/// a false agreement.
func makeCalls(seed: UInt64, _ numbers: Range<Int>) {
  // A process that needs more than this has been led astray.
  var limit = rlimit(rlim_cur: 24 << 30, rlim_max: 24 << 30)
  // SAFETY: the structure is a variable of this call.
  _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limit)
  for number in numbers {
    say("\(number)")
    var values = HostileValues(seed: seed ^ UInt64(number) << 20)
    do { try CallOrder.call(number).run(&values) } catch { say("E \(number)") }
    for name in values.falseAgreements { say("F \(name)") }
  }
}

private func say(_ text: String) {
  let line = Array((text + "\n").utf8)
  // SAFETY: the array's bytes, as many as there are.
  _ = unsafe line.withUnsafeBytes { unsafe write(STDOUT_FILENO, $0.baseAddress, $0.count) }
}
