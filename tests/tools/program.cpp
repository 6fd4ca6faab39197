#include "tests/tools/program.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "runtime/base/file.h"
#include "tests/support/temporary.h"

extern char** environ;

namespace lorikeet::test {
namespace {

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (char c : text) {
    if (c == '\'') out += "'\\''";
    else out += c;
  }
  return out + "'";
}

}  // namespace

Outcome run_program(const Call& call) {
  const TemporaryFolder folder;
  folder.write("in", call.input);
  std::string command;
  for (const std::string& variable : call.environment) command += quoted(variable) + " ";
  if (!command.empty()) command = "env " + command;
  for (const std::string& argument : call.arguments) command += quoted(argument) + " ";
  command += "<" + quoted((folder / "in").string()) + " >" + quoted((folder / "out").string()) + " 2>" +
             quoted((folder / "err").string());
  const int raw = std::system(command.c_str());
  Outcome outcome;
  outcome.status = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
  if (auto text = read_text(folder / "out")) outcome.out = *text;
  if (auto text = read_text(folder / "err")) outcome.err = *text;
  if (outcome.err.find("[validation]") !=
      std::string::npos) {  // whatever else: a message of the validation layers fails
    std::printf("%s: %s", call.arguments.front().c_str(), outcome.err.c_str());
    outcome.status = kValidationMessage;
  }
  return outcome;
}

Outcome lorikeet(std::vector<std::string> arguments, const std::string& input,
                 const std::vector<std::string>& environment) {
  arguments.insert(arguments.begin(), LORIKEET_PROGRAM);
  return run_program({std::move(arguments), input, environment});
}

bool killed_when_there(std::vector<std::string> arguments, const std::filesystem::path& file) {
  arguments.insert(arguments.begin(), LORIKEET_PROGRAM);
  std::vector<char*> words;
  for (std::string& word : arguments) words.push_back(word.data());
  words.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  for (const int number : {1, 2}) posix_spawn_file_actions_addopen(&files, number, "/dev/null", O_WRONLY, 0);
  pid_t id = 0;
  const int failed = posix_spawn(&id, words[0], &files, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (failed) return false;
  int status = 0;
  while (!std::filesystem::exists(file)) {
    if (waitpid(id, &status, WNOHANG) != 0) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  kill(id, SIGKILL);
  waitpid(id, &status, 0);
  return WIFSIGNALED(status);
}

std::string failure(const Outcome& outcome, int status) {
  const auto wrong = [&](const char* what) {
    std::printf("%s: status %d, stdout \"%s\", stderr \"%s\"\n", what, outcome.status, outcome.out.c_str(),
                outcome.err.c_str());
    return std::string();
  };
  if (outcome.status != status) return wrong("another status was expected");
  if (!outcome.out.empty()) return wrong("stdout should be empty");
  const size_t start = outcome.err.rfind("lorikeet: ");
  if (start == std::string::npos || (start > 0 && outcome.err[start - 1] != '\n')) return wrong("there is no sentence");
  if (outcome.err.find("lorikeet: ") != start) return wrong("there is more than one error");
  std::string sentence = outcome.err.substr(start + 10);
  if (sentence.size() < 10 || sentence.back() != '\n') return wrong("the sentence is no line");
  sentence.pop_back();
  if (sentence.find('\n') != std::string::npos || sentence.back() != '.') return wrong("it is not one sentence");
  return sentence;
}

}  // namespace lorikeet::test
