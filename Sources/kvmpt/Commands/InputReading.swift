// Reading the address-space file of a command line.

extension AddressSpaceFileReader {
  /// Reads the file at `path`, or standard input for `-`.
  func read(path: String) throws(CommandFailure) -> Outcome {
    let bytes: [UInt8]
    do throws(InputFileError) {
      bytes = try InputFile.bytes(of: path, byteLimit: limits.fileByteCount)
    } catch {
      throw CommandFailure(error)
    }
    return read(bytes, path: path)
  }

  /// Reads the file at `path`, and fails with all its problems when it has any.
  func requireFile(path: String) throws(CommandFailure) -> AddressSpaceFile {
    switch try read(path: path) {
    case .file(let file): return file
    case .problems(let problems, let droppedCount):
      throw CommandFailure(problems, droppedCount: droppedCount, path: path)
    }
  }
}
