"""Counts what was done, and how requests are made."""

from kiota_abstractions.api_error import APIError
from kiota_abstractions.base_request_configuration import RequestConfiguration


class Operations:
    """Counts the operations that did what they should."""

    def __init__(self) -> None:
        self.done: list[str] = []

    async def run(self, name: str, request):
        """Awaits a request; what it raises says which operation failed."""
        try:
            answer = await request
        except Exception as error:
            raise RuntimeError(f"operation {len(self.done) + 1}, {name}: {error}") from error
        self.done.append(name)
        return answer

    async def refused(self, name: str, request, status: int, code: str, words: str) -> None:
        """Awaits a request that Graph refuses with this status, code and text."""
        try:
            await request
        except APIError as error:
            got = (error.response_status_code, error.error.code)
            assert got == (status, code) and words in error.error.message, f"{name}: {error}"
            self.done.append(name)
            return
        raise AssertionError(f"{name} was not refused")


def asking(parameters=None, **headers: str) -> RequestConfiguration:
    """A request with these query parameters and headers."""
    configuration = RequestConfiguration(query_parameters=parameters)
    for name, value in headers.items():
        configuration.headers.add(name, value)
    return configuration


def eventually(parameters) -> RequestConfiguration:
    """A request that asks for advanced queries."""
    return asking(parameters, ConsistencyLevel="eventual")


def names(page) -> list[str]:
    """The display names on a page, in its order."""
    return [item.display_name for item in page.value]
