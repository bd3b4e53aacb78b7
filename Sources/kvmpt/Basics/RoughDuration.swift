// Times as people say them who want no more than an idea.

extension Duration {
  /// The seconds that are begun.
  var begunSeconds: Int {
    let (seconds, attoseconds) = components
    return Int(seconds) + (attoseconds > 0 ? 1 : 0)
  }

  /// Such as `45 s`, `12 min`, `7 h` or `3 days`: what is begun counts as whole.
  var roughWords: String {
    let seconds = begunSeconds
    switch seconds {
    case ..<120: return "\(seconds) s"
    case ..<7200: return "\((seconds + 59) / 60) min"
    case ..<172_800: return "\((seconds + 3599) / 3600) h"
    default: return "\((seconds + 86_399) / 86_400) days"
    }
  }
}
