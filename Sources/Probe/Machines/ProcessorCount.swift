// processorCount: how many virtual machines can run at once.

internal import CLinux

/// The number of cores that this process may use, at least 1.
public func processorCount() -> Int { max(1, Int(clinux_processor_count())) }
