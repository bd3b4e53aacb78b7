// Command: a program that is run to its end, with all that it says.

import Foundation

/// What ended the tool.
struct Failure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// Tells what goes on; what was found goes to the standard output.
func say(_ text: String) {
  FileHandle.standardError.write(Data("\(text)\n".utf8))
}

enum Command {
  struct Output {
    let status: Int32
    let text: String
  }

  /// Runs a program of PATH; both of its streams are one text.
  static func run(_ name: String, _ arguments: [String], in folder: URL? = nil) throws -> Output {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [name] + arguments
    if let folder { process.currentDirectoryURL = folder }
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Output(status: process.terminationStatus, text: String(decoding: data, as: UTF8.self))
  }
}
