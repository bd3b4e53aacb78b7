// Times for tests in which nothing depends on how busy the host is.

import KVM

@testable import Probe

extension ExaminationTimes {
  /// So much that calibration and the sample end on every host.
  static let plenty: ExaminationTimes = {
    var times = ExaminationTimes()
    times.calibration = .seconds(600)
    times.whole = .seconds(600)
    times.sample = .seconds(600)...(.seconds(600))
    return times
  }()

  /// The same for calibration and trials, with a sample that is as short as usual.
  static let plentyForTrials: ExaminationTimes = {
    var times = ExaminationTimes(for: .tcg)
    times.calibration = .seconds(600)
    return times
  }()
}
