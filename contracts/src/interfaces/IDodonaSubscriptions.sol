// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "./IDodonaOracle.sol";

/// @title IDodonaSubscriptions
/// @notice Values that are kept fresh. A subscription names a model (and with it the feeds), when a new value is due,
/// and what one is worth; anybody delivers proven updates and is paid from the subscription's balance, in wei.
/// @dev Proofs and observations are checked by the same code as the oracle's, with the same errors (IDodonaOracle).
/// There is no promise here, and nothing to slash: an owner may take its balance back or close at any time, even just
/// before an update arrives; an operator then loses its gas. Read what is stored here with its times: nobody has to
/// deliver. An update is due when the heartbeat is over (`updatedAt + heartbeat <= now`), or, if `deviationBp` is not
/// 0 and the new value is usable, when it deviates: `|new - last| × 10,000 >= deviationBp × |last|` and `new !=
/// last`; so any change from 0 deviates. A last value that is not usable is deviated from by any that is. Updates
/// that are not usable are due by heartbeat only: they cost no more than silence would have.
interface IDodonaSubscriptions {
    /// @notice What is subscribed to.
    /// @param modelId a model whose sources are all committed, not deprecated when subscribing.
    /// @param mode 0 direct, 1 aggregated.
    /// @param verifierVersion version in the router; 0: the newest now. It never changes.
    /// @param heartbeat seconds after which an update is due whatever it says, at least 1.
    /// @param deviationBp basis points of change that make an update due; 0: heartbeat only.
    /// @param output which output is watched: its change counts, and it is the `value` of a round.
    /// @param maxDataAge seconds that the oldest observation may be old when delivered.
    /// @param fee wei for one update.
    struct Params {
        bytes32 modelId;
        uint8 mode;
        uint32 verifierVersion;
        uint32 heartbeat;
        uint16 deviationBp;
        uint16 output;
        uint32 maxDataAge;
        uint96 fee;
    }

    /// @notice A subscription as stored.
    struct Subscription {
        address owner;
        bool open;
        uint96 balance;
        Params params;
    }

    /// @notice Which update of which subscription is delivered: the round after its latest one.
    struct Target {
        bytes32 id;
        uint64 round;
    }

    /// @notice The newest update with all of its outputs.
    struct Latest {
        uint64 round;
        uint64 observedAt;
        uint64 updatedAt;
        bool inDomain;
        bool unsaturated;
        int64[] outputs;
    }

    event Subscribed(bytes32 indexed id, address indexed owner, bytes32 indexed modelId, uint256 nonce, Params params);
    event Funded(bytes32 indexed id, address indexed payer, uint256 amount, uint256 balance);
    event FundsWithdrawn(bytes32 indexed id, address indexed to, uint256 amount);
    event Closed(bytes32 indexed id, uint256 returned);
    event Updated(
        bytes32 indexed id,
        uint64 indexed round,
        address indexed payee,
        uint256 fee,
        uint64 observedAt,
        bool inDomain,
        bool unsaturated,
        uint256[] commitments,
        int64[] outputs
    );
    /// @notice An update of a batch was passed over, with the ABI-encoded error that it would have reverted with alone.
    event Passed(bytes32 indexed id, uint64 indexed round, IDodonaOracle.Outcome outcome, bytes reason);
    event CreditsWithdrawn(address indexed account, address indexed to, uint256 amount);

    error SubscriptionUnknown(bytes32 id);
    error SubscriptionClosed(bytes32 id);
    error NotSubscriptionOwner(address expected, address got);
    error PublicSourceRefused(bytes32 modelId);
    error OutputOutOfRange(uint256 outputs, uint256 got);
    error ZeroHeartbeat();
    error ZeroAmount();
    error ZeroAddress();
    error WrongRound(bytes32 id, uint64 expected, uint64 got);
    error BalanceTooLow(bytes32 id, uint256 expected, uint256 got);
    error NotDue(bytes32 id, uint256 dueAt, uint256 timestamp);
    error ObservationNotNewer(bytes32 id, uint64 last, uint64 got);
    error NothingToWithdraw(address account);
    error TransferFailed(address to, uint256 amount);

    /// @notice Subscribes; the caller owns it, and the call's value is its first balance.
    /// @return id keccak256(abi.encode(chainid, this, owner, nonce, params))
    function subscribe(Params calldata params) external payable returns (bytes32 id);

    /// @notice Anyone: adds the call's value to the balance of an open subscription.
    function fund(bytes32 id) external payable;

    /// @notice Owner: takes `amount` of the balance out.
    function withdraw(bytes32 id, uint96 amount, address to) external;

    /// @notice Owner: takes no more updates, for good. The balance becomes the owner's credit; the last value stays
    /// readable.
    function close(bytes32 id) external;

    /// @notice Delivers one proof for all of `targets`, and its fees to `payee`.
    /// @dev As IDodonaOracle.fulfil: slot i belongs to target i, all share model, mode and version, what makes the
    /// instance ill-formed reverts, and each has its own outcome otherwise: `AlreadySettled` (the round is taken),
    /// `Rejected` (closed, not funded, not due, not newer, observations refused), `Delivered`. If nothing is left the
    /// first one's reason is the call's. An answer outside the model's domain, or saturated, is delivered, paid, and
    /// marked as not usable.
    /// @param payee whom the fees are credited to, not 0.
    /// @param expiry last second at which this proof may be used.
    function deliver(
        Target[] calldata targets,
        uint8 mode,
        address payee,
        uint64 expiry,
        IDodonaOracle.Slot[] calldata slots,
        bytes calldata proof
    ) external returns (IDodonaOracle.Outcome[] memory outcomes);

    /// @notice Pays all of the caller's credits to `to`.
    function withdrawCredits(address to) external returns (uint256 amount);

    /// @notice The newest round: one slot. Nothing yet: all 0.
    /// @param id the subscription.
    /// @return round number, from 1.
    /// @return value the watched output; real value = value / 10^outputDecimals of the model.
    /// @return observedAt time of the oldest observation used.
    /// @return updatedAt block time of delivery.
    /// @return usable inside the model's domain, and nothing saturated. WARNING: a value that is not usable says
    /// little.
    function latestRound(bytes32 id)
        external
        view
        returns (uint64 round, int64 value, uint64 observedAt, uint64 updatedAt, bool usable);

    /// @notice As `latestRound`, of any round; all 0 if there is no such round.
    function roundOf(bytes32 id, uint64 round_)
        external
        view
        returns (uint64 round, int64 value, uint64 observedAt, uint64 updatedAt, bool usable);

    /// @notice All outputs of the newest round. Reverts with `SubscriptionUnknown`; nothing yet: round 0.
    function latestOf(bytes32 id) external view returns (Latest memory);

    /// @notice From when the next update is due by heartbeat (0: now, the first one). 2^64 - 1 if closed.
    function nextDueAt(bytes32 id) external view returns (uint64);

    /// @notice Whether a usable update with this value would be due now.
    function isDue(bytes32 id, int64 value) external view returns (bool);

    function subscriptionOf(bytes32 id) external view returns (Subscription memory);

    /// @notice Word 0 of the proof's instance: that of IDodonaOracle.contextOf for this contract, and for each target
    /// the id `keccak256(abi.encode(chainid, this, target.id, target.round))`.
    function contextOf(Target[] calldata targets, uint8 mode, address payee, uint64 expiry)
        external
        view
        returns (uint256);

    /// @notice wei that `account` may withdraw.
    function creditOf(address account) external view returns (uint256);

    /// @notice Sum of all balances, wei.
    function totalFunds() external view returns (uint256);

    /// @notice Sum of all credits, wei. This contract holds at least `totalFunds + totalCredits`.
    function totalCredits() external view returns (uint256);
}
