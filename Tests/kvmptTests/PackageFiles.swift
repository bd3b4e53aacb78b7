// PackageFiles: the files of the package that tests read.

import Glibc

@testable import kvmpt

/// Finds and reads files of the package, wherever the tests are started.
enum PackageFiles {
  /// The package's folder: this file stands in `Tests/kvmptTests`.
  static let root = String(#filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" })

  /// The address-space files in `Examples`, sorted by name.
  static let examples: [String] = names(in: "Examples").filter {
    $0.hasSuffix(".yaml") || $0.hasSuffix(".json")
  }

  /// The names in a folder of the package; empty when there is no such folder.
  static func names(in folder: String) -> [String] {
    // SAFETY: the stream is checked for null, used in this function only and closed by it.
    guard let stream = unsafe opendir("\(root)/\(folder)") else { return [] }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    // SAFETY: an entry stays valid until the next call; its name is copied before that.
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
          unsafe String(cString: $0)
        }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }

  /// The bytes of a file of the package.
  static func bytes(of path: String) throws -> [UInt8] {
    try InputFile.bytes(of: "\(root)/\(path)", byteLimit: 1 << 20)
  }
}
