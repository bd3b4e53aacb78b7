// ErrorNumber: why a system call failed.

/// An `errno`.
struct ErrorNumber: Error {
  let code: Int32
}
