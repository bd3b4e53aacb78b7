// processorCount: how many virtual machines can run at once.

import Glibc

/// The number of cores that this process may use, at least 1.
public func processorCount() -> Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
