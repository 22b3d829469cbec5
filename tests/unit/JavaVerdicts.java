/*
 * What java.util.regex says about topic expressions. Reads lines EXPRESSION<TAB>NAME from standard input
 * and prints each with <TAB>VERDICT: 1 when the whole name matches, 0 when not, E when the expression does
 * not compile, X when Java itself breaks on it (JDK 17 compiles [ab&&] and then throws a null pointer). With --check it reads lines that have a verdict (tests/unit/data/topics-java.tsv), prints
 * those where Java differs and ends with 1 when there are any.
 *
 * In fields, \t \n \r \\ stand for tab, line feed, carriage return and backslash. Lines that begin with #
 * and empty lines are passed through. An expression is taken as it is; the rewriting of commas and quotes
 * is not done here.
 *
 *     java tests/unit/JavaVerdicts.java --check < tests/unit/data/topics-java.tsv
 */
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

public class JavaVerdicts {
	private static String compiledText;
	private static Pattern compiled;

	static String unescape(String field) {
		StringBuilder out = new StringBuilder();
		for (int i = 0; i < field.length(); i++) {
			char c = field.charAt(i);
			if (c == '\\' && i + 1 < field.length()) {
				c = field.charAt(++i);
				c = c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
			}
			out.append(c);
		}
		return out.toString();
	}

	static String verdict(String expression, String name) {
		if (!expression.equals(compiledText)) {
			compiledText = expression;
			try {
				compiled = Pattern.compile(expression);
			} catch (PatternSyntaxException e) {
				compiled = null;
			}
		}
		if (compiled == null)
			return "E";
		try {
			return compiled.matcher(name).matches() ? "1" : "0";
		} catch (RuntimeException | StackOverflowError e) {
			return "X";
		}
	}

	public static void main(String[] args) throws IOException {
		boolean check = args.length > 0 && args[0].equals("--check");
		BufferedReader in = new BufferedReader(
			new InputStreamReader(System.in, StandardCharsets.UTF_8));
		PrintStream out = new PrintStream(System.out, false, "UTF-8");
		int differences = 0;
		for (String line; (line = in.readLine()) != null;) {
			String[] fields = line.split("\t", -1);
			if (line.isEmpty() || line.startsWith("#")) {
				if (!check)
					out.println(line);
				continue;
			}
			String verdict = verdict(unescape(fields[0]), unescape(fields[1]));
			if (!check) {
				out.println(fields[0] + "\t" + fields[1] + "\t" + verdict);
			} else if (!verdict.equals(fields[2])) {
				out.println(line + "\tbut Java says " + verdict);
				differences++;
			}
		}
		out.flush();
		System.exit(differences == 0 ? 0 : 1);
	}
}
