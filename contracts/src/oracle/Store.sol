// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IDodonaOracle} from "../interfaces/IDodonaOracle.sol";
import {IOperatorStaking} from "../interfaces/IOperatorStaking.sol";
import {Head} from "./Head.sol";

/// @title OracleStore
/// @notice All that the oracle keeps. Two contracts work on it: `DodonaOracle`, and `OracleDesk` by delegatecall;
/// neither adds a variable of its own, so that both see the same layout.
/// @dev A request lies in three slots if it is paid in ETH and asks for nothing special.
abstract contract OracleStore is Ownable2Step, ReentrancyGuardTransient {
    /// @dev `IDodonaOracle.Prices` in one slot.
    struct StoredPrices {
        uint96 direct;
        uint96 aggregated;
        uint56 callbackGasPrice;
        bool listed;
    }

    /// @dev Escrow and credits together never exceed 2^96 - 1, so that moving one to the other cannot fail. Only ETH's
    /// book counts nonces (of all requests): a request in ETH then writes one slot here.
    struct Book {
        uint96 escrow;
        uint96 credits;
        uint64 nonce;
    }

    /// @dev Second slot of a request. Ages saturate at 2^32 - 1 seconds, the base fee at 2^40 - 1 wei.
    struct Terms {
        uint96 fee;
        uint32 version;
        uint24 callbackGasLimit;
        uint32 maxDataAge;
        uint32 maxDeliveryAge;
        uint40 baseFee;
    }

    /// @dev A request and its answer. Behind `modelId` nothing is written unless the head says so or the time has come.
    /// @param acceptance operator's number in the upper 32 bits, then 224 bits of keccak256(payee, observations).
    /// @param answer the first output word leaves 62 bits free: `observedAt` (40) stands at bit 194 and the seconds
    /// from request to delivery (22, enough for `MAX_LIFETIME`) at bit 234.
    struct Entry {
        Head head;
        Terms terms;
        bytes32 modelId;
        address refundTo;
        uint96 penalty;
        address feeToken;
        bytes32 publicWordsHash;
        uint256 acceptance;
        uint256 answer;
        mapping(uint256 index => uint256) furtherWords;
    }

    /// @dev ETH's place among the tokens.
    address internal constant ETH = address(0);
    uint32 internal constant CALLBACK_GAS = 5_000_000;
    uint64 internal constant LIFETIME = 30 days;
    uint96 internal constant PENALTY_MIN = 0.01 ether;
    uint96 internal constant PENALTY_MAX = 100 ether;
    uint64 internal constant WINDOW = 15 minutes;
    uint64 internal constant CONTEST = 1 hours;
    uint256 internal constant GAS_BACK = 150_000;
    uint256 internal constant OBSERVED = 194;
    uint256 internal constant DELAY = 234;
    uint256 private constant NUMBER = 224;

    IOperatorStaking internal immutable _staking;

    mapping(address token => StoredPrices) internal _prices;
    mapping(address token => Book) internal _books;
    mapping(address token => mapping(address account => uint256)) internal _creditOf;
    mapping(bytes32 id => Entry) internal _entries;
    /// @dev Operators by number, from 1: a number and a hash share one slot.
    mapping(uint256 number => address) internal _operators;
    mapping(address operator => uint256) internal _numberOf;
    uint256 internal _operatorCount;

    constructor(IOperatorStaking staking_) {
        _staking = staking_;
    }

    // ----------------------------------------------------------------- books

    function _quote(IDodonaOracle.RequestParams calldata params) internal view returns (uint256 fee) {
        if (params.mode > 1) revert IDodonaOracle.UnknownMode(params.mode);
        StoredPrices memory prices = _prices[params.feeToken];
        if (!prices.listed) revert IDodonaOracle.TokenNotListed(params.feeToken);
        fee = params.mode == 0 ? prices.direct : prices.aggregated;
        fee += uint256(params.callbackGasLimit) * prices.callbackGasPrice;
    }

    /// @dev Moves `amount` from escrow to `account`'s credits.
    function _credit(address token, address account, uint256 amount) internal {
        Book storage book = _books[token];
        book.escrow -= uint96(amount);
        book.credits += uint96(amount);
        _creditOf[token][account] += amount;
    }

    // -------------------------------------------------------------- requests

    function _idOf(address requester, uint256 nonce, IDodonaOracle.RequestParams calldata params)
        internal
        view
        returns (bytes32)
    {
        return keccak256(abi.encode(block.chainid, address(this), requester, nonce, params));
    }

    function _feeTokenOf(Entry storage entry, Head head) internal view returns (address) {
        return head.byToken() ? entry.feeToken : ETH;
    }

    function _refundToOf(Entry storage entry, Head head) internal view returns (address) {
        return head.special() ? entry.refundTo : head.requester();
    }

    function _penaltyOf(Entry storage entry, Head head) internal view returns (uint96) {
        return head.special() ? entry.penalty : PENALTY_MIN;
    }

    // ----------------------------------------------------------- acceptances

    function _acceptanceWord(uint256 number, uint224 commitment) internal pure returns (uint256) {
        return (number << NUMBER) | commitment;
    }

    function _commit(address payee, IDodonaOracle.SignedHeader[] calldata observations)
        internal
        pure
        returns (uint224)
    {
        return uint224(uint256(keccak256(abi.encode(payee, observations))));
    }

    function _operatorOf(Entry storage entry) internal view returns (address) {
        return _operators[entry.acceptance >> NUMBER];
    }

    /// @dev When an answer by somebody else came, or when the time for any was over.
    function _missedAt(Entry storage entry, Head head) internal view returns (uint256) {
        bool fulfilled = head.status() == IDodonaOracle.Status.Fulfilled;
        return fulfilled ? head.createdAt() + (entry.answer >> DELAY) : head.deadline();
    }
}
