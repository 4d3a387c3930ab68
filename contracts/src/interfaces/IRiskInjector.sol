// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title IRiskInjector
/// @notice Carries the newest release of one update type into a protocol, once. Anyone may start it; nobody can choose what it
/// carries. The owner says which markets it serves; the guardian can stop it, or one update; neither can write a value.
/// @dev The released vector passed the envelope against the release before it. The protocol may stand elsewhere by now (a
/// steward acted, a release was never injected), so that everything but delay and drift is checked again against the live value.
interface IRiskInjector {
    event Injected(address indexed market, uint256 indexed updateId, uint256[] before, uint256[] values);
    event MarketAllowed(address indexed market, bool allowed);
    event UpdateDisabled(uint256 indexed updateId, bool disabled);
    event PausedSet(bool paused);
    event GuardianSet(address indexed guardian);

    error NotGuardian(address expected, address got);
    error ZeroTimeToLive();
    error InjectionPaused();
    error MarketNotAllowed(address market);
    error NothingReleased(address market);
    error AlreadyInjected(uint256 updateId);
    error DisabledUpdate(uint256 updateId);
    /// @notice Published too long ago.
    error UpdateExpired(uint256 expiresAt, uint256 timestamp);
    /// @notice The envelope refuses the step from the live value. `reason`: one of IRiskEnvelope's errors, ABI-encoded.
    error EnvelopeRefused(bytes reason);
    /// @notice The protocol's adapter refuses the state that would follow.
    error TargetRefused(bytes reason);
    /// @notice The adapter did not set what it was told.
    error NotSet(uint256 index, uint256 expected, uint256 got);

    /// @notice Anyone: sets the newest release for `market`, all fields or none. Reverts with what `canInject` says.
    function inject(address market) external returns (uint256 updateId);

    /// @notice Whether `inject` would succeed now.
    /// @return ok true if it would.
    /// @return reason the error, ABI-encoded; empty if it would.
    function canInject(address market) external view returns (bool ok, bytes memory reason);

    /// @notice As Chainlink Automation asks. `checkData` is `abi.encode(address market)`, and so is `performData`.
    function checkUpkeep(bytes calldata checkData) external view returns (bool upkeepNeeded, bytes memory performData);

    /// @notice `inject` for Chainlink Automation.
    function performUpkeep(bytes calldata performData) external;

    /// @notice Owner: which markets are served.
    function allowMarket(address market, bool allowed) external;

    /// @notice Owner: who may pause and disable.
    function setGuardian(address guardian) external;

    /// @notice Guardian: an update that is not to be injected, or may be again.
    function disableUpdate(uint256 updateId, bool disabled) external;

    /// @notice Guardian: stops everything, or lets it go on.
    function setPaused(bool paused) external;

    /// @notice Newest update injected for `market`; 0 if there is none.
    function injectedId(address market) external view returns (uint256);

    function isAllowed(address market) external view returns (bool);
    function isDisabled(uint256 updateId) external view returns (bool);
    function paused() external view returns (bool);
    function guardian() external view returns (address);
    function updateType() external view returns (string memory);
}
