// SharedRun: the page that KVM and this process share about a vCPU.

internal import CKVM
internal import CLinux
internal import Synchronization

/// The mapped `kvm_run` structure of a vCPU, and who is in KVM_RUN.
///
/// An object, because those who kick a vCPU may outlive it.
///
/// Source: KVM API document, section 5.
@safe final class SharedRun: @unchecked Sendable {
  private let address: UnsafeMutableRawPointer
  private let byteCount: UInt64
  /// The thread that is in KVM_RUN or about to be; 0 for none.
  private let runner = Atomic<UInt32>(0)
  /// A kick that no run has ended for yet.
  private let isKicked = Atomic<Bool>(false)

  init(descriptor: CInt, byteCount: Int64) throws(KVMError) {
    guard byteCount >= MemoryLayout<kvm_run>.size else {
      throw .call(.mapRunStructure(byteCount: byteCount), errorNumber: EINVAL)
    }
    var mapped: UnsafeMutableRawPointer?
    // SAFETY: a new mapping that only this value knows.
    let result = unsafe clinux_map(
      UInt64(byteCount), CLINUX_PROT_READ | CLINUX_PROT_WRITE, CLINUX_MAP_SHARED, descriptor, 0,
      &mapped)
    _ = try checked(result, .mapRunStructure(byteCount: byteCount))
    guard let mapped = unsafe mapped else {
      throw .call(.mapRunStructure(byteCount: byteCount), errorNumber: EINVAL)
    }
    unsafe address = mapped
    self.byteCount = UInt64(byteCount)
  }

  /// The structure; valid as long as this value.
  var run: UnsafeMutablePointer<kvm_run> {
    // SAFETY: the mapping is at least as large as the structure, and page-aligned.
    unsafe address.assumingMemoryBound(to: kvm_run.self)
  }

  /// Ends the run of whichever thread is in it, or else the next one as it begins.
  func kick() {
    isKicked.store(true, ordering: .sequentiallyConsistent)
    // SAFETY: the structure is mapped as long as this object; the field is stored atomically.
    unsafe ckvm_set_immediate_exit(run, 1)
    // Whoever begins a run says so first and looks for a kick afterwards.
    let thread = runner.load(ordering: .sequentiallyConsistent)
    if thread != 0 { _ = clinux_kick_thread(thread) }
  }

  /// Says that the calling thread is about to run the vCPU; it must have a ``KickTimer``.
  func beginRun() { runner.store(clinux_thread_identifier(), ordering: .sequentiallyConsistent) }

  func endRun() { runner.store(0, ordering: .sequentiallyConsistent) }

  /// Takes a kick, if there was one.
  func takeKick() -> Bool {
    guard isKicked.exchange(false, ordering: .sequentiallyConsistent) else { return false }
    // SAFETY: as above. A kick that comes in between ends the next run, by `isKicked`.
    unsafe ckvm_set_immediate_exit(run, 0)
    return true
  }

  /// The word that a port access moves, at `offset` in the mapping; 0 where it lies outside.
  func portData(at offset: UInt64, byteCount size: UInt8) -> UInt64 {
    guard offset <= byteCount - 8 else { return 0 }
    // SAFETY: the 8 bytes at `offset` lie inside the mapping.
    let word = unsafe address.loadUnaligned(fromByteOffset: Int(offset), as: UInt64.self)
    return size >= 8 ? word : word & ((1 << (8 * UInt64(size))) - 1)
  }

  /// The `count` bytes that a port access moves, at `offset` in the mapping; none where they lie
  /// outside.
  func portBytes(at offset: UInt64, count: UInt64) -> [UInt8] {
    guard count <= byteCount, offset <= byteCount - count else { return [] }
    // SAFETY: the bytes lie inside the mapping.
    let bytes = unsafe UnsafeRawBufferPointer(start: address + Int(offset), count: Int(count))
    return unsafe [UInt8](bytes)
  }

  /// Fills the `count` bytes that a port access reads, at `offset` in the mapping, with `byte`.
  func fillPortBytes(at offset: UInt64, count: UInt64, with byte: UInt8) {
    guard count <= byteCount, offset <= byteCount - count else { return }
    // SAFETY: the bytes lie inside the mapping, and the guest does not run.
    let bytes = unsafe UnsafeMutableRawBufferPointer(
      start: address + Int(offset), count: Int(count))
    unsafe bytes.initializeMemory(as: UInt8.self, repeating: byte)
  }

  deinit {
    // SAFETY: mapped by `init`, and nothing refers to it any more.
    _ = unsafe clinux_unmap(address, byteCount)
  }
}
