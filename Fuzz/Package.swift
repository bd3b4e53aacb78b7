// swift-tools-version: 6.2
// Fuzz targets. They are a package of their own, so that users of kvmpt never build them.

import PackageDescription

let package = Package(
  name: "Fuzz",
  dependencies: [.package(name: "kvmpt", path: "..")],
  targets: [
    .executableTarget(
      name: "FuzzImages",
      dependencies: [
        .product(name: "GuestMem", package: "kvmpt"), .product(name: "MMU", package: "kvmpt"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
