// Runs a program and gives back all it said.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace lorikeet::test {

inline constexpr int kValidationMessage = 99;  // status of a program that the validation layers complained about

struct Outcome {
  int status = -1;  // 128 + signal after a crash
  std::string out, err;
};

struct Call {
  std::vector<std::string> arguments;    // the program first
  std::string input;                     // stdin
  std::vector<std::string> environment;  // "NAME=value"
};
Outcome run_program(const Call& call);

// `lorikeet` with these arguments.
Outcome lorikeet(std::vector<std::string> arguments, const std::string& input = {},
                 const std::vector<std::string>& environment = {});

// Runs `lorikeet` until there is such a file, then ends it with SIGKILL. True if that is how it ended.
bool killed_when_there(std::vector<std::string> arguments, const std::filesystem::path& file);

// The error of a call that must have failed: one line "lorikeet: ... ." at the end of stderr, nothing on stdout.
// Empty, with the reason printed, if it did not.
std::string failure(const Outcome& outcome, int status);

}  // namespace lorikeet::test
