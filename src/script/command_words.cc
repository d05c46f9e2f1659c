// Command lines taken apart the way a shell would, as far as scripts need it.
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "src/script/commands.h"
#include "src/script/outcome.h"

namespace tributary::script {
namespace {

/// "256*1024": products only.
std::string multiply(const std::string& expression) {
  uint64_t product = 1;
  size_t at = 0;
  while (at < expression.size()) {
    size_t used = 0;
    while (at < expression.size() && std::isspace(static_cast<unsigned char>(expression[at]))) ++at;
    if (at == expression.size()) break;
    if (!std::isdigit(static_cast<unsigned char>(expression[at])))
      unsupported("the shell expression \"" + expression + "\"");
    product *= std::stoull(expression.substr(at), &used);
    at += used;
    while (at < expression.size() && (expression[at] == ' ' || expression[at] == '*')) ++at;
  }
  return std::to_string(product);
}

/// Variables of the environment, for who runs one script for both families and the like.
void expand(std::string& word) {
  for (size_t start = 0; (start = word.find('$', start)) != word.npos;) {
    size_t end = start + 1;
    while (end < word.size() && (std::isalnum(static_cast<unsigned char>(word[end])) || word[end] == '_')) ++end;
    const char* value = end > start + 1 ? std::getenv(word.substr(start + 1, end - start - 1).c_str()) : nullptr;
    if (value == nullptr) return;
    word.replace(start, end - start, value);
    start += std::strlen(value);
  }
}

std::string compute(std::string word) {
  for (size_t start; (start = word.find("$((")) != word.npos;) {
    const size_t end = word.find("))", start);
    if (end == word.npos) unsupported("the shell expression \"" + word + "\"");
    word.replace(start, end + 2 - start, multiply(word.substr(start + 3, end - start - 3)));
  }
  expand(word);
  if (word.find('$') != word.npos) unsupported("the shell variable in \"" + word + "\"");
  return word;
}

}  // namespace

std::vector<std::string> split_words(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool inside = false;
  char quote = 0;
  const auto end_word = [&] {
    // Redirections say where output goes, and nothing here has any.
    const bool redirection =
        !word.empty() && quote == 0 && (word[0] == '>' || word[0] == '&' || word.starts_with("2>"));
    const bool target = !words.empty() && words.back() == "\x01";
    if (target)
      words.pop_back();
    else if (redirection) {
      if (word == ">" || word == "&>" || word == "2>" || word == ">>") words.push_back("\x01");
    } else if (inside) {
      words.push_back(compute(word));
    }
    word.clear();
    inside = false;
  };
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0) {
      if (c == quote)
        quote = 0;
      else
        word += c;
    } else if (c == '"' || c == '\'') {
      quote = c;
      inside = true;
    } else if (line.compare(i, 3, "$((") == 0) {
      const size_t end = line.find("))", i);
      if (end == line.npos) unsupported("the shell expression \"" + line + "\"");
      word += line.substr(i, end + 2 - i);
      inside = true;
      i = end + 1;
    } else if (std::isspace(static_cast<unsigned char>(c))) {
      if (inside || !word.empty()) end_word();
    } else {
      word += c;
      inside = true;
    }
  }
  if (inside || !word.empty()) end_word();
  if (!words.empty() && words.back() == "\x01") words.pop_back();
  return words;
}

}  // namespace tributary::script
