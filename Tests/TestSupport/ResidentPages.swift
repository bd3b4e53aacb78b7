// ResidentPages: which pages of this process's memory are mapped at the moment.

internal import Glibc

/// True when the page at an address of this process has an entry in the host's page tables; nil where
/// the host does not say.
///
/// Source: Linux, Documentation/admin-guide/mm/pagemap.rst (bit 63, page present).
@unsafe public func isResident(_ address: UnsafeMutableRawPointer) -> Bool? {
  let file = unsafe open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { return nil }
  defer { close(file) }
  var word: UInt64 = 0
  let place = off_t(UInt64(UInt(bitPattern: address)) >> 12 * 8)
  // SAFETY: the buffer is a variable of this call, of the size that is asked for.
  guard unsafe pread(file, &word, 8, place) == 8 else { return nil }
  return word >> 63 != 0
}
