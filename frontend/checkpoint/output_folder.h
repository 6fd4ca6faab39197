// A folder that is filled file by file and appears under its name only when it is complete.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "runtime/base/result.h"

namespace lorikeet {

// Files go into PATH.partial; `finish` renames it. Destroyed before that, it is removed with everything in it.
// Move-only.
class OutputFolder {
 public:
  // `context` begins the messages: "[adapter]". Errors: io.
  static Result<OutputFolder> create(const std::filesystem::path& path, const std::string& context);
  OutputFolder(OutputFolder&&) noexcept;
  OutputFolder& operator=(OutputFolder&&) noexcept;
  ~OutputFolder();

  const std::filesystem::path& folder() const;  // where the files go
  // In place of a folder that is there, which stays if that fails. Errors: io.
  Status finish();

 private:
  struct Impl;
  explicit OutputFolder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lorikeet
