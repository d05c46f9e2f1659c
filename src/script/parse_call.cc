// System calls: a name, arguments, the result expected. Arguments are trees without a meaning of their own.
#include "src/script/parser.h"

namespace tributary::script {

const Expression* Expression::find(std::string_view name) const {
  for (size_t i = 0; i < items.size() && i < names.size(); ++i)
    if (names[i] == name) return &items[i];
  return nullptr;
}

namespace {

using Kind = Token::Kind;

std::vector<Expression> parse_list(Cursor& cursor, const char* close) {
  std::vector<Expression> items;
  if (cursor.accept_punct(close)) return items;
  do items.push_back(parse_expression(cursor));
  while (cursor.accept_punct(","));
  cursor.expect_punct(close);
  return items;
}

/// `{sa_family = AF_INET, sin_port = htons(80), ...}`, `{..., 1000}`, `{msg_iov(1)=[{..., 10}], ...}`.
Expression parse_struct(Cursor& cursor) {
  Expression out;
  out.kind = Expression::Kind::kStruct;
  if (cursor.accept_punct("}")) return out;
  do {
    Expression item = parse_expression(cursor);
    std::string name;
    if (cursor.accept_punct("=")) {
      name = item.text;
      item = parse_expression(cursor);
    }
    out.items.push_back(std::move(item));
    out.names.push_back(std::move(name));
  } while (cursor.accept_punct(","));
  cursor.expect_punct("}");
  return out;
}

Expression parse_single(Cursor& cursor) {
  Expression out;
  const Token& token = cursor.peek();
  if (cursor.accept_punct("...")) return out;
  if (cursor.accept_punct("[")) {
    out.kind = Expression::Kind::kArray;
    out.items = parse_list(cursor, "]");
    return out;
  }
  if (cursor.accept_punct("{")) return parse_struct(cursor);
  if (token.is(Kind::kInteger)) {
    out.kind = Expression::Kind::kInteger;
    out.integer = cursor.take().integer;
    return out;
  }
  if (token.is(Kind::kString)) {
    out.kind = Expression::Kind::kString;
    while (cursor.peek().is(Kind::kString)) out.text += cursor.take().text;
    if (cursor.accept_punct("...")) unsupported("a string with an open end", token.line);
    return out;
  }
  if (!token.is(Kind::kWord)) cursor.wanted("an argument");
  out.kind = Expression::Kind::kWord;
  out.text = cursor.take().text;
  if (cursor.accept_punct("(")) {
    out.kind = Expression::Kind::kCall;
    out.items = parse_list(cursor, ")");
  }
  return out;
}

/// `(Resource temporarily unavailable)`
void skip_note(Cursor& cursor) {
  if (!cursor.peek().is_punct("(")) return;
  while (!cursor.at_end() && !cursor.peek().is_punct(")")) cursor.take();
  cursor.expect_punct(")");
}

}  // namespace

Expression parse_expression(Cursor& cursor) {
  Expression first = parse_single(cursor);
  if (!cursor.peek().is_punct("|")) return first;
  Expression out;
  out.kind = Expression::Kind::kOr;
  out.items.push_back(std::move(first));
  while (cursor.accept_punct("|")) out.items.push_back(parse_single(cursor));
  return out;
}

CallSpec parse_call(Cursor& cursor) {
  CallSpec call;
  if (!cursor.peek().is(Kind::kWord)) cursor.wanted("a packet, a call or a command");
  call.name = cursor.take().text;
  cursor.expect_punct("(");
  call.arguments = parse_list(cursor, ")");
  cursor.expect_punct("=");
  call.result = parse_expression(cursor);
  if (cursor.peek().is(Kind::kWord)) {
    call.error = cursor.take().text;
  }
  skip_note(cursor);
  return call;
}

}  // namespace tributary::script
