// swift-tools-version: 6.2
// limits: the page-table core beside the fastest loops that do the same, in one process.

import PackageDescription

let package = Package(
  name: "limits",
  dependencies: [.package(name: "kvmpt", path: "../..")],
  targets: [
    .executableTarget(
      name: "limits",
      dependencies: [
        .product(name: "GuestMem", package: "kvmpt"), .product(name: "MMU", package: "kvmpt"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
