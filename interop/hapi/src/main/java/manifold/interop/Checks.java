package manifold.interop;

/** What a client demands of an answer. */
final class Checks {
    private Checks() {}

    static void equal(Object expected, Object found, String what) {
        holds(expected.equals(found), what + ": expected " + expected + ", found " + found);
    }

    static void holds(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }
}
