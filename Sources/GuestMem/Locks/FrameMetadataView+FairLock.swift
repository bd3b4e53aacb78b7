// FrameMetadataView, fair lock: waiting for the lock of a node in the order of arrival.

extension FrameMetadataView {
  /// Takes the lock of a node after all who came before, or gives up when the time is over.
  func waitInOrder(_ frame: UInt64, nanoseconds: UInt64) -> LockAttempt {
    var wait: LockWait?
    while true {
      let state = nodeState(of: frame)
      if let attempt = takeOrRefuse(frame, in: state, nanoseconds: nanoseconds) { return attempt }
      var time = wait ?? LockWait(nanoseconds: nanoseconds)
      guard let (next, place) = state.joined() else {
        // Every place is taken: one becomes free as soon as somebody is served or gives up.
        if time.pass() == .over { return .refused(LockHolder(nodeState(of: frame))) }
        wait = time
        continue
      }
      wait = time
      if replace(state, by: next, of: frame) { return stay(at: place, frame, &time) }
    }
  }

  /// Waits until the place is the first and the lock is free.
  private func stay(at place: UInt64, _ frame: UInt64, _ time: inout LockWait) -> LockAttempt {
    var patience = LockPatience.left
    while true {
      let state = nodeState(of: frame)
      // Only a frame that was freed under a waiter has lost the place; it is somebody else's then.
      guard state.level != nil, state.isWaiting(at: place) else { return .stray }
      if state.isStray {
        if replace(state, by: state.left(place), of: frame) { return .stray }
        continue
      }
      if let next = state.admitted(at: place, thread: .current) {
        if replace(state, by: next, of: frame) { return .taken(place: place) }
        continue
      }
      if patience == .over {
        if replace(state, by: state.left(place), of: frame) {
          return .refused(LockHolder(state))
        }
        continue
      }
      patience = time.pass()
    }
  }
}
