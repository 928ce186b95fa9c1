"""The one exception that means: the user can mend this, and the message says how."""


class UserError(Exception):
    """Something the user gave cannot be used.

    Parameters
    ----------
    *sentences : str
        One whole sentence per problem: where it is, what stands there, what is allowed.

    Attributes
    ----------
    sentences : tuple of str
        The same sentences, in the order given.
    """

    def __init__(self, *sentences):
        super().__init__("\n".join(sentences))
        self.sentences = sentences
