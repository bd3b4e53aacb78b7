// FileDescriptor: the owner of one open file.

internal import CLinux

/// An open file that is closed at the end of its owner's life.
struct FileDescriptor: ~Copyable {
  let number: CInt

  /// Takes over an open descriptor.
  init(owning number: CInt) { self.number = number }

  deinit { _ = clinux_close(number) }
}

/// The result of a shim, or the error that its `-errno` means.
func checked(_ result: Int64, _ call: @autoclosure () -> KVMCall) throws(KVMError) -> Int64 {
  guard result >= 0 else { throw .call(call(), errorNumber: Int32(truncatingIfNeeded: -result)) }
  return result
}
