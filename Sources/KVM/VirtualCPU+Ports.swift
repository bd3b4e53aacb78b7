// VirtualCPU, ports: all the bytes of an access to a port, which a string instruction repeats.

internal import CKVM

extension VirtualCPU {
  /// The bytes of the access to a port that the guest exited with, all repetitions after each other;
  /// none after another exit.
  ///
  /// Source: KVM API document, section 5, KVM_EXIT_IO (`count` and `data_offset`).
  package var portBytes: [UInt8] {
    // SAFETY: the structure is mapped as long as this value lives, and the guest does not run; the
    // member of the union that is read is the one that the reason names.
    guard unsafe Int32(truncatingIfNeeded: shared.run.pointee.exit_reason) == KVM_EXIT_IO else {
      return []
    }
    let access = unsafe shared.run.pointee.io
    return shared.portBytes(
      at: access.data_offset, count: UInt64(access.size) * UInt64(access.count))
  }

  /// Answers the guest's read of a port with `byte`, in every byte that it reads.
  package mutating func answerPortRead(_ byte: UInt8) {
    // SAFETY: as above.
    guard unsafe Int32(truncatingIfNeeded: shared.run.pointee.exit_reason) == KVM_EXIT_IO else {
      return
    }
    let access = unsafe shared.run.pointee.io
    shared.fillPortBytes(
      at: access.data_offset, count: UInt64(access.size) * UInt64(access.count), with: byte)
  }
}
