// The program `lorikeet`. Answers go to stdout, everything else to stderr. Exit status: 0, 1 for an error, 2 for a
// command line that makes no sense.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <new>
#include <string>

#include "frontend/library.h"
#include "runtime/base/text.h"
#include "tools/commands.h"

using namespace lorikeet;

namespace {

int report(const std::string& sentence, int status) {
  std::fflush(stdout);
  std::fprintf(stderr, "lorikeet: %s\n", sentence.c_str());
  return status;
}

std::string as_sentence(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  if (const size_t end = text.find('\n'); end != std::string::npos) text.resize(end);
  if (!text.empty() && text.back() != '.') text += '.';
  return text;
}

int run(int argc, char** argv) {
  CLI::App program("Lorikeet runs language models on any GPU with Vulkan.", "lorikeet");
  program.set_version_flag("--version", std::string("lorikeet ") + std::string(version()));
  program.require_subcommand(1);
  program.get_formatter()->column_width(34);
  tool::Job job;
  tool::add_devices(program, job);
  tool::add_generate(program, job);
  tool::add_chat(program, job);
  tool::add_see(program, job);
  tool::add_inspect(program, job);
  tool::add_convert(program, job);
  tool::add_factor(program, job);
  tool::add_factor_report(program, job);
  tool::add_finetune(program, job);
  tool::add_eval(program, job);
  tool::add_bench(program, job);
  tool::add_doctor(program, job);
  const auto is_asked_for = [&](const CLI::App* command) { return command->get_name() == argv[1]; };
  const std::vector<CLI::App*> commands = program.get_subcommands({});
  if (argc > 1 && argv[1][0] != '-' && std::none_of(commands.begin(), commands.end(), is_asked_for))
    return report(join("\"", argv[1], "\" is no command; lorikeet --help lists them."), 2);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return program.exit(error);
    return report(as_sentence(error.what()), 2);
  }
  const Status status = job();
  if (!status) return report(status.error().message, 1);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    return report("The machine has not enough memory.", 1);
  } catch (const std::exception& error) {
    return report(std::string("An unforeseen failure: ") + error.what() + ".", 1);
  }
}
