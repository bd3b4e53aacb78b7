// VirtualCPUKick: how one thread ends the run of a vCPU in another.

/// Ends runs of one vCPU; any thread may have a copy, also after the vCPU is gone.
///
/// Source: KVM API document, section 5 (`immediate_exit`).
public struct VirtualCPUKick: Sendable {
  let shared: SharedRun

  /// Makes ``VirtualCPU/run(limit:)`` return ``Exit/kicked`` soon, or as soon as it is called next.
  ///
  /// No kick is lost, and several before a run ends are one.
  public func kick() { shared.kick() }
}
